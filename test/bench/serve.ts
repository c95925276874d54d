/**
 * @file A whole local stack under load: how many requests a second two cores serve, how long they take, what each costs.
 *
 *   node test/bench/serve.ts [--items N] [--rates 100,200,…] [--seconds S] [--sustain RATE] [--sustain-seconds S] [--profile] [--json]
 *
 * The deployed bundle in workerd (Miniflare's direct socket), dynalite for profiles, a mix of searches, recommendations, similar
 * items and events (`load-client.ts`). The client has the same cores as the server. Rates rise until the stack does not keep up;
 * then one rate is held for a minute. `--profile` adds a last round in which the Worker's isolate is sampled, and
 * prints where its time went; the inspector slows all rounds down.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createClient } from '../../infra/cli/client.ts'
import { bundleEdge } from '../../infra/local/bundle.ts'
import { EDGE_ISOLATE } from '../../infra/local/edge.ts'
import { probe, type Stack, startStack } from '../../infra/local/stack.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { type Share, startProfile, summarise } from './edge-profile.ts'
import { KINDS, type Kind, type LoadPlan, type Round, type RoundResult } from './load-client.ts'
import { commit, machine } from './measure.ts'
import {
  cpuMs,
  peakMb,
  prepareCatalogue,
  queryFrom,
  residentMb,
  runImporter,
  type Source,
  untilQuiet,
} from './shop.ts'

const SEED = 23
const QUERIES = 2_000
const SHOPPERS = 500
const VIEWS_PER_SHOPPER = 10
/** Beyond this, or with an error, the stack does not keep up; higher rates would only measure how long the queue is. */
const KEEPS_UP_P99_MS = 250
const WARM_UP: Round = { rate: 100, seconds: 30 }

export type ServeSizes = {
  items: number
  warmUp: Round
  rates: number[]
  seconds: number
  sustained: Round | null
  /** The Worker is sampled while this goes on. */
  profiled: Round | null
}
export const SMOKE: ServeSizes = {
  items: 60,
  warmUp: { rate: 20, seconds: 0.5 },
  rates: [20, 40],
  seconds: 1,
  sustained: null,
  profiled: { rate: 20, seconds: 1 },
}
export const FULL: ServeSizes = {
  items: Number.POSITIVE_INFINITY,
  warmUp: WARM_UP,
  rates: [100, 200, 400, 600, 800, 1_000, 1_200],
  seconds: 10,
  sustained: { rate: 600, seconds: 60 },
  profiled: null,
}
const PROFILED: Round = { rate: 200, seconds: 15 }
/** Less than this is not printed. */
const SHARE_SHOWN_MIN = 0.01
const FUNCTIONS_SHOWN = 25

type Tail = { p50: number; p90: number; p99: number; p999: number }
export type ServeRow = {
  /** Requests a second: asked for, and answered without an error. */
  rate: number
  answered: number
  seconds: number
  /** Milliseconds from the intended time of sending. */
  all: Tail
  byKind: Record<Kind, Tail>
  errors: Record<string, number>
  degraded: number
  /** CPU milliseconds a request: workerd with its D1 and R2; dynalite, queue and the rest of the stack; the client. */
  cpuMs: { edge: number; stack: number; client: number }
  edgeResidentMb: number
  stagesMs: RoundResult['stagesMs']
}
export type ServeReport = {
  machine: string
  commit: string
  catalogue: string
  indexResidentMb: number
  edgePeakMb: number
  rows: ServeRow[]
  sustained: ServeRow | null
  profile: ReturnType<typeof summarise> | null
}

export async function measureServe(sizes: ServeSizes): Promise<ServeReport> {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-serve-'))
  const source = await prepareCatalogue(folder, sizes.items)
  const inspectorPort = sizes.profiled ? await probe(0) : undefined
  const stack = await startStack({ stateDir: join(folder, 'state'), port: 0, quiet: true, inspectorPort })
  let load: LoadProcess | undefined
  try {
    await runImporter(source, stack)
    const client = createClient(stack.url, stack.keys.secret)
    await untilQuiet(client)
    const plan = planFor(source, stack)
    await seedProfiles(stack, plan)
    load = startLoad(plan)
    await runRound(load, sizes.warmUp, stack)

    const rows: ServeRow[] = []
    for (const rate of sizes.rates) {
      const row = await runRound(load, { rate, seconds: sizes.seconds }, stack)
      rows.push(row)
      if (row.all.p99 > KEEPS_UP_P99_MS || Object.keys(row.errors).length > 0) break
    }
    const sustained = sizes.sustained ? await runRound(load, sizes.sustained, stack) : null
    const profile = sizes.profiled ? await runProfiled(load, sizes.profiled, stack, inspectorPort!) : null
    const { index } = await client.get<{ index: { residentBytes: number } }>('/v1/status')
    return {
      machine: machine(),
      commit: commit(),
      catalogue: source.name,
      indexResidentMb: Math.round(index.residentBytes / 1e5) / 10,
      edgePeakMb: peakMb(stack.pids['edge']!),
      rows,
      sustained,
      profile,
    }
  } finally {
    load?.close()
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function planFor(source: Source, stack: Stack): LoadPlan {
  const random = createRandom(SEED)
  const pick = () => source.items[Math.floor(random() * source.items.length)]!
  return {
    url: stack.url,
    keys: [stack.keys.public, stack.keys.secret],
    queries: Array.from({ length: QUERIES }, () => queryFrom(pick().title, random)),
    itemIds: source.items.map(({ id }) => id),
    userIds: Array.from({ length: SHOPPERS }, (_, index) => `shopper-${index}`),
    seed: SEED,
  }
}

/** Every shopper has looked at a few things, so that recommendations have something to go by. */
async function seedProfiles(stack: Stack, { userIds, itemIds }: LoadPlan): Promise<void> {
  const random = createRandom(SEED + 1)
  const client = createClient(stack.url, stack.keys.secret)
  const time = new Date().toISOString()
  const events = userIds.flatMap((userId) =>
    Array.from({ length: VIEWS_PER_SHOPPER }, (_, view) => ({
      eventId: `seed-${userId}-${view}`,
      kind: 'view',
      userId,
      time,
      itemIds: [itemIds[Math.floor(random() * itemIds.length)]!],
    })),
  )
  const EVENTS_PER_CALL = 500
  for (let from = 0; from < events.length; from += EVENTS_PER_CALL)
    await client.post('/v1/events', JSON.stringify(events.slice(from, from + EVENTS_PER_CALL)), {
      'content-type': 'application/json',
    })
  await stack.settleEvents()
}

type LoadProcess = ReturnType<typeof startLoad>

function startLoad(plan: LoadPlan) {
  const child = fork(join(import.meta.dirname, 'load-client.ts'))
  child.send({ plan })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`the load client ended with code ${code}`)))
  })
  ended.catch(() => {}) // at the end nobody waits for it
  return {
    run(round: Round): Promise<RoundResult> {
      const result = new Promise<RoundResult>((resolve) => {
        child.once('message', (message) => resolve(message as RoundResult))
      })
      child.send({ round })
      return Promise.race([result, ended])
    },
    close: () => child.disconnect(),
  }
}

async function runProfiled(load: LoadProcess, round: Round, stack: Stack, inspectorPort: number) {
  const stopProfile = await startProfile(`http://127.0.0.1:${inspectorPort}`, EDGE_ISOLATE)
  await runRound(load, round, stack)
  const [worker] = await bundleEdge()
  return summarise(await stopProfile(), String(worker!.contents))
}

async function runRound(load: LoadProcess, round: Round, stack: Stack): Promise<ServeRow> {
  const edge = stack.pids['edge']!
  const edgeBefore = cpuMs(edge)
  const ownBefore = process.cpuUsage()
  const result = await load.run(round)
  const own = process.cpuUsage(ownBefore)
  const all = KINDS.flatMap((kind) => result.latenciesMs[kind])
  const sent = all.length + Object.values(result.errors).reduce((sum, count) => sum + count, 0)
  const each = (ms: number) => Math.round((1_000 * ms) / sent) / 1_000
  return {
    rate: round.rate,
    answered: Math.round(all.length / result.seconds),
    seconds: round.seconds,
    all: tailOf(all),
    byKind: Object.fromEntries(KINDS.map((kind) => [kind, tailOf(result.latenciesMs[kind])])) as Record<
      Kind,
      Tail
    >,
    errors: result.errors,
    degraded: result.degraded,
    cpuMs: {
      edge: each(cpuMs(edge) - edgeBefore),
      stack: each((own.user + own.system) / 1_000),
      client: each(result.cpuMs),
    },
    edgeResidentMb: residentMb(edge),
    stagesMs: result.stagesMs,
  }
}

function tailOf(values: readonly number[]): Tail {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number) => Math.round(10 * (sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0)) / 10
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999) }
}

function print(report: ServeReport): void {
  console.log(`${report.machine}, commit ${report.commit}`)
  console.log(
    `${report.catalogue}; index resident ${report.indexResidentMb} MB; peak of workerd ${report.edgePeakMb} MB`,
  )
  const line = (cells: readonly (string | number)[]) =>
    console.log(cells.map((cell) => String(cell).padStart(10)).join(''))
  const row = (name: string, { answered, all, errors, degraded, cpuMs: cpu, edgeResidentMb }: ServeRow) =>
    line([
      name,
      answered,
      ...[all.p50, all.p90, all.p99, all.p999],
      Object.values(errors).reduce((sum, count) => sum + count, 0),
      degraded,
      ...[cpu.edge, cpu.stack, cpu.client],
      edgeResidentMb,
    ])
  const latency = ['p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms']
  line(['asked/s', 'done/s', ...latency, 'errors', 'degraded', 'edge ms', 'stack ms', 'client ms', 'RSS MB'])
  for (const one of report.rows) row(String(one.rate), one)
  const held = report.sustained
  if (held) row(`${held.rate}×${held.seconds}s`, held)
  for (const one of [...report.rows, ...(held ? [held] : [])])
    if (Object.keys(one.errors).length > 0)
      console.log(`errors at ${one.rate}/s: ${JSON.stringify(one.errors)}`)
  const detail = held ?? report.rows.at(-1)!
  console.log(
    `\nby kind at ${detail.rate}/s; the stages' own times are means, of a clock that runs while workerd computes`,
  )
  line(['', ...latency])
  for (const kind of KINDS) {
    const { p50, p90, p99, p999 } = detail.byKind[kind]
    const stages = Object.entries(detail.stagesMs[kind] ?? {}).map(
      ([stage, ms]) => `${stage} ${ms.toFixed(2)}`,
    )
    line([kind, p50, p90, p99, p999, `   ${stages.join('  ')}`])
  }
  if (report.profile) {
    const tell = (shares: readonly Share[]) => {
      for (const { name, share } of shares.filter(({ share }) => share >= SHARE_SHOWN_MIN))
        console.log(`${(100 * share).toFixed(1).padStart(6)} %  ${name}`)
    }
    console.log("\nshare of the Worker's time by source file (a package is one), and by function")
    tell(report.profile.files)
    console.log()
    tell(report.profile.functions.slice(0, FUNCTIONS_SHOWN))
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
      items: { type: 'string' },
      rates: { type: 'string' },
      seconds: { type: 'string' },
      sustain: { type: 'string' },
      'sustain-seconds': { type: 'string' },
      profile: { type: 'boolean' },
    },
  })
  const sizes = values.smoke ? SMOKE : { ...FULL }
  if (values.items) sizes.items = Number(values.items)
  if (values.rates) sizes.rates = values.rates.split(',').map(Number)
  if (values.seconds) sizes.seconds = Number(values.seconds)
  if (values.sustain ?? values['sustain-seconds'])
    sizes.sustained = {
      rate: Number(values.sustain ?? FULL.sustained!.rate),
      seconds: Number(values['sustain-seconds'] ?? FULL.sustained!.seconds),
    }
  if (values.profile) sizes.profiled = PROFILED
  const report = await measureServe(sizes)
  if (values.json) console.log(JSON.stringify(report))
  else print(report)
  process.exit(0)
}
