/** @file Entry point of the worker: wires the parts, runs the loop, stops gracefully. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readConfig, SEEDED_MODEL } from './config.ts'
import { precisionFor } from './encode/encoder.ts'
import { type Health, serveHealth } from './health.ts'
import { createIndexStore } from './indexing/index-store.ts'
import { liveNumbers } from './indexing/live-numbers.ts'
import { createDeleteUnnamed } from './jobs/delete-unnamed.ts'
import { createIndexItems } from './jobs/index-items.ts'
import { createJudgeEvents } from './jobs/judge-events.ts'
import { listVectors, needsLists } from './jobs/list-vectors.ts'
import { createModelStore } from './jobs/model-store.ts'
import { needsTuning, tuneFusion } from './jobs/tune-fusion.ts'
import { createWatchDrift } from './jobs/watch-drift.ts'
import { type Log, workLoop } from './jobs/work-loop.ts'
import { createHttpQueue } from './queue.ts'
import { createRunStore, STALE_MS } from './runs/run-store.ts'
import { createRunner } from './runs/runner.ts'
import { type Choice, chooseProvider, probeProviders } from './runtime/probe.ts'
import { createS3BlobStore } from './s3-blob-store.ts'
import { createVectorizeSink, NO_SINK } from './vector-sink.ts'

const log: Log = (event, facts = {}) =>
  console.error(JSON.stringify({ at: new Date().toISOString(), event, ...facts }))

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
// Under the local supervisor: when it is gone, even by SIGKILL, so are we.
process.on('disconnect', () => stop.abort())

const config = readConfig(process.env, process.argv.slice(2))
if (!config.ok) {
  console.error(`The worker cannot start:\n${config.error}`)
  process.exit(2)
}
await run(config.value)

async function run(settings: Extract<typeof config, { ok: true }>['value']): Promise<void> {
  const health: Health = { state: 'starting', jobsDone: 0, itemsEncoded: 0, modelId: null, provider: null }
  const healthServer = await serveHealth(health, settings.HEALTH_PORT)
  const blobs = createS3BlobStore({
    endpoint: settings.S3_ENDPOINT,
    bucket: settings.S3_BUCKET,
    accessKeyId: settings.S3_ACCESS_KEY_ID,
    secretAccessKey: settings.S3_SECRET_ACCESS_KEY.reveal(),
  })
  const queue = createHttpQueue({
    apiUrl: settings.QUEUE_API_URL,
    account: settings.QUEUE_ACCOUNT,
    queue: settings.QUEUE_NAME,
    token: settings.QUEUE_API_TOKEN.reveal(),
  })
  const nowMs = () => Date.now()
  const store = createIndexStore(blobs)
  const asked = [settings.ENCODER_PROVIDER, settings.TRAIN_PROVIDER] as const
  // Starting every provider takes a second or two: not where only the CPU is wanted.
  const findings = asked.every((one) => one === 'cpu') ? [] : await probeProviders(settings.ENCODER_THREADS)
  const [encoding, training] = asked.map((one) => chooseProvider(one, findings)) as [Choice, Choice]
  log('providers', { encoding: encoding.sentence, training: training.sentence })
  const models = createModelStore({
    blobs,
    modelDir: settings.MODEL_DIR === SEEDED_MODEL ? undefined : settings.MODEL_DIR,
    precision: settings.ENCODER_PRECISION ?? precisionFor(encoding.provider),
    threads: settings.ENCODER_THREADS,
    provider: encoding.provider,
    onLoaded: (modelId) => {
      health.modelId = modelId
      health.provider = encoding.provider
    },
  })
  const { VECTORIZE_INDEX: index, VECTORIZE_API_TOKEN: token } = settings
  const sink =
    index !== undefined && token !== undefined
      ? createVectorizeSink({
          apiUrl: settings.QUEUE_API_URL,
          account: settings.QUEUE_ACCOUNT,
          index,
          token: token.reveal(),
        })
      : NO_SINK
  const indexItems = createIndexItems({
    blobs,
    store,
    models,
    nowMs,
    sink,
    onEncoded: (count) => {
      health.itemsEncoded += count
    },
  })
  const runner = createRunner({
    blobs,
    store,
    models,
    runs: createRunStore(blobs, nowMs),
    nowMs,
    sink,
    log,
    directory: settings.TRAIN_DIR,
    threads: settings.TRAIN_THREADS,
    provider: training.provider,
  })
  runner.wake() // a run that a worker left behind
  let lookedMs = nowMs()
  const deleteUnnamed = createDeleteUnnamed({ blobs, store, nowMs })
  const judgeEvents = createJudgeEvents({ blobs, nowMs })
  const watchDrift = createWatchDrift({ blobs, nowMs })
  log('worker-started', { healthPort: healthServer.port, drain: settings.drain })
  await workLoop(
    {
      queue,
      indexItems: {
        async run(batchIds, lease) {
          health.state = 'working'
          try {
            return await indexItems.run(batchIds, lease)
          } finally {
            health.state = 'idle'
          }
        },
      },
      onRuns: () => runner.wake(),
      async whenIdle(stopTuning) {
        if (nowMs() - lookedMs > STALE_MS) {
          lookedMs = nowMs()
          runner.wake()
        }
        const published = await store.load()
        if (!published) return
        const judged = await judgeEvents({
          catalogue: () => liveNumbers(published),
          shouldStop: stopTuning,
        })
        if (judged) {
          const { events, findings, bots } = judged.report
          log('events-judged', { events, findings: findings.length, suspects: bots.shoppers })
          await watchDrift.days(judged.days)
        }
        await watchDrift.catalogue(published)
        if (!needsTuning(published)) {
          if (needsLists(published))
            await listVectors({ store, nowMs, threads: settings.ENCODER_THREADS }, published)
          const deleted = await deleteUnnamed(stopTuning)
          if (deleted > 0) log('unnamed-deleted', { objects: deleted })
          return
        }
        await tuneFusion({ store, models, nowMs }, published, async () => {
          await nextTurn()
          return stopTuning()
        })
      },
      nowMs,
      log,
      onJobs: (count) => {
        health.jobsDone += count
      },
    },
    {
      leaseMs: settings.LEASE_SECONDS * 1_000,
      pollMs: settings.POLL_MS,
      drain: settings.drain,
      signal: stop.signal,
    },
  )
  if (settings.drain && !stop.signal.aborted) await runner.idle()
  health.state = 'stopping'
  await runner.stop()
  log('worker-stopped', { jobsDone: health.jobsDone, itemsEncoded: health.itemsEncoded })
  await models.close()
  healthServer.close()
  process.exit(0)
}
