/** @file All of Aisle on this machine, started in order and stopped in reverse: DynamoDB, queue, edge, GPU worker. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startDispatcher } from './dispatcher.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION, type LocalDynamo, PROFILE_TABLE, startDynamo } from './dynamo.ts'
import { BUCKET, type LocalEdge, startEdge } from './edge.ts'
import { type QueueServer, startQueueServer } from './queue-server.ts'
import { type Keys, keyRows, openStateDir } from './state-dir.ts'
import { type Supervised, superviseWorker } from './supervisor.ts'

const CRON_MS = 15_000
const SETTLE_MS_MAX = 20_000
const PORTS_TRIED_MAX = 20
/** Short, so that a killed worker's job is another's soon; the worker sizes its jobs by it. */
const LEASE_SECONDS = 30
const POLL_MS = 100
const QUEUES = {
  jobs: { retriesMax: 8, deadLetterQueue: 'jobs-dlq' },
  events: { retriesMax: 8, deadLetterQueue: 'events-dlq' },
  'jobs-dlq': { retriesMax: 100 },
  'events-dlq': { retriesMax: 100 },
}

export type SampleShopper = { id: string; name: string; taste: string }
export type StackOptions = {
  stateDir: string
  /** 0 takes any free port. */
  port: number
  /** When the port is taken, use the next free one instead of failing. */
  portFallback?: boolean
  workers?: number
  /** Shown on the page as people to shop as. */
  sampleShoppers?: readonly SampleShopper[]
  /** No log lines, whatever happens. */
  quiet?: boolean
  onLog?(line: string): void
  leaseSeconds?: number
  inspectorPort?: number | undefined
  /** Checkpoint folder of the first model, for a state folder that has none yet. */
  modelDir?: string
}

export type Stack = {
  url: string
  keys: Keys
  /** Process numbers by part; of those that run in a process of their own. */
  readonly pids: Record<string, number | undefined>
  queueUrl: string
  s3Url: string
  dynamoUrl: string
  stop(): Promise<void>
  /** Wait until the events that were sent are applied, then bring the popular lists up to date. */
  settleEvents(): Promise<void>
  workerHealthUrl(index: number): string
  /** What a worker of this stack needs to know. */
  workerEnvironment(): Record<string, string>
  /** What follows breaks things on purpose, for tests. */
  killWorker(index: number): Promise<void>
  restartEdge(): Promise<void>
  dispatchCron(): Promise<void>
  pushJob(job: unknown): Promise<void>
  failQueuePushes(fail: boolean): Promise<void>
  stopDynamo(): Promise<void>
  putBlob(key: string, bytes: Uint8Array): Promise<void>
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const log = options.quiet ? () => {} : (options.onLog ?? console.error)
  const state = openStateDir(options.stateDir)
  const undo: (() => Promise<void> | void)[] = [() => state.release()]
  try {
    return await startParts(options, state, undo, log)
  } catch (error) {
    await stopAll(undo)
    throw error
  }
}

async function startParts(
  options: StackOptions,
  state: ReturnType<typeof openStateDir>,
  undo: (() => Promise<void> | void)[],
  log: (line: string) => void,
): Promise<Stack> {
  const { secrets, keys } = state
  const dynamo: LocalDynamo = await startDynamo(join(state.path, 'dynamo'))
  undo.push(() => dynamo.close())
  const queue: QueueServer = await startQueueServer({
    file: join(state.path, 'queue.sqlite'),
    token: secrets.queueToken,
    queues: QUEUES,
  })
  undo.push(() => queue.close())

  const port = await freePort(options.port, options.portFallback ?? false)
  const s3Credentials = { accessKeyId: secrets.s3AccessKeyId, secretAccessKey: secrets.s3SecretAccessKey }
  let edge: LocalEdge | null = null
  const openEdge = async () => {
    edge = await startEdge({
      stateDir: state.path,
      port,
      s3Credentials,
      inspectorPort: options.inspectorPort,
      variables: {
        PSEUDONYM_SECRET: secrets.pseudonymSecret,
        DYNAMODB_TABLE: PROFILE_TABLE,
        DYNAMODB_ENDPOINT: dynamo.url,
        AWS_REGION: LOCAL_REGION,
        AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
        QUEUE_API_URL: queue.url,
        QUEUE_API_TOKEN: secrets.queueToken,
        PAGE_KEY: keys.public,
        SAMPLE_SHOPPERS: JSON.stringify(options.sampleShoppers ?? []),
      },
    })
    await edge.putKeys(await keyRows(keys))
    return edge
  }
  const first = await openEdge()
  undo.push(async () => {
    await edge?.close()
    edge = null
  })

  const workers: Supervised[] = []
  const record = () =>
    state.record([edge?.pid, ...workers.map((worker) => worker.pid())].filter((pid) => pid !== undefined))
  const environmentFor = (s3Url: string) =>
    workerEnvironment({
      queueUrl: queue.url,
      s3Url,
      secrets,
      leaseSeconds: options.leaseSeconds ?? LEASE_SECONDS,
      modelDir: options.modelDir,
    })
  const startWorkers = (s3Url: string) => {
    for (let index = 0; index < (options.workers ?? 1); index++)
      workers.push(
        superviseWorker({
          env: environmentFor(s3Url),
          onLog: (line) => logWorkerLine(line, log),
          onStart: () => setImmediate(record),
        }),
      )
  }
  const stopWorkers = async () => {
    await Promise.all(workers.map((worker) => worker.stop()))
    workers.length = 0
  }
  startWorkers(first.s3Url)
  undo.push(stopWorkers)

  const dispatcher = startDispatcher(['events', 'jobs-dlq', 'events-dlq'], queue, () => edge)
  undo.push(() => dispatcher.stop())
  const runCron = async () => edge?.runCron().catch((error: unknown) => log(`cron: ${String(error)}`))
  const cron = setInterval(() => void runCron(), CRON_MS)
  undo.push(() => clearInterval(cron))
  record()

  return {
    url: first.url,
    keys,
    queueUrl: queue.url,
    s3Url: first.s3Url,
    dynamoUrl: dynamo.url,
    get pids() {
      const own = Object.fromEntries(workers.map((worker, index) => [`worker-${index}`, worker.pid()]))
      return { main: process.pid, edge: edge?.pid, ...own }
    },
    stop: () => stopAll(undo),
    async settleEvents() {
      const deadline = Date.now() + SETTLE_MS_MAX
      while (queue.depth('events') > 0 && Date.now() < deadline) await wait(50)
      await runCron()
    },
    workerHealthUrl: (index) => `http://127.0.0.1:${workers[index]?.beat()?.healthPort ?? 0}/healthz`,
    workerEnvironment: () => environmentFor(edge?.s3Url ?? first.s3Url),
    killWorker: async (index) => workers[index]?.kill(),
    async restartEdge() {
      const old = edge
      edge = null
      await old?.close()
      // The bucket's address moves with the edge: workers get the new one.
      const { s3Url } = await openEdge()
      if (s3Url !== first.s3Url) {
        await stopWorkers()
        startWorkers(s3Url)
      }
      record()
    },
    async dispatchCron() {
      await edge?.runCron()
    },
    pushJob: async (job) => queue.push('jobs', [job]),
    failQueuePushes: async (fail) => queue.refusePushes(fail),
    stopDynamo: () => dynamo.close(),
    putBlob: async (key, bytes) => edge?.putBlob(key, bytes),
  }
}

function workerEnvironment(parts: {
  queueUrl: string
  s3Url: string
  secrets: ReturnType<typeof openStateDir>['secrets']
  leaseSeconds: number
  modelDir: string | undefined
}): Record<string, string> {
  return {
    QUEUE_API_URL: parts.queueUrl,
    QUEUE_ACCOUNT: 'local',
    QUEUE_NAME: 'jobs',
    QUEUE_API_TOKEN: parts.secrets.queueToken,
    S3_ENDPOINT: parts.s3Url,
    S3_BUCKET: BUCKET,
    S3_ACCESS_KEY_ID: parts.secrets.s3AccessKeyId,
    S3_SECRET_ACCESS_KEY: parts.secrets.s3SecretAccessKey,
    POLL_MS: String(POLL_MS),
    LEASE_SECONDS: String(parts.leaseSeconds),
    HEALTH_PORT: '0',
    ...(parts.modelDir === undefined ? {} : { MODEL_DIR: parts.modelDir }),
  }
}

const WORTH_TELLING = /"event":"(job-failed|not-a-job|pull-failed|idle-work-failed)"/

/** Of the worker's log, what a person at the terminal should know. */
function logWorkerLine(line: string, log: (line: string) => void): void {
  if (!line.startsWith('{') || WORTH_TELLING.test(line)) log(`worker: ${line}`)
}

async function stopAll(undo: (() => Promise<void> | void)[]): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) {
    try {
      await step()
    } catch {
      // One part that cannot be stopped must not keep the others from stopping.
    }
  }
}

/** The port itself; with `fallback` the next free one. Throws one clear sentence when there is none. */
async function freePort(wanted: number, fallback: boolean): Promise<number> {
  if (wanted === 0) return probe(0)
  for (let port = wanted; port < wanted + PORTS_TRIED_MAX; port++) {
    try {
      return await probe(port)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      if (!fallback) throw new Error(`Port ${wanted} is in use: choose another with --port.`)
    }
  }
  throw new Error(
    `Ports ${wanted} to ${wanted + PORTS_TRIED_MAX - 1} are all in use: choose one with --port.`,
  )
}

/** The port itself when it is free; any free one for 0. */
export function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}
