/**
 * @file What a ranker in ONNX costs a recommendation: 200 candidates × 64 features, in workerd, by the edge's own code.
 *
 *   node test/bench/ranker.ts [--multi-task] [--json] [--smoke]
 *
 * Warm: the time of a call with many runs less the time of one with none, so that the way to workerd does not count. Cold: the
 * first call of a fresh process, ONNX Runtime's start and the session included. `--multi-task` takes the network that
 * `aisle train-ranker` makes by default in the place of a plain one.
 */
import { parseArgs } from 'node:util'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { bundleWorker } from '../../infra/local/bundle.ts'
import { childrenNamed } from '../../infra/local/processes.ts'
import { RANK_FEATURES } from '../../shared/schema/rank-features.ts'
import { mlpModel, multiTaskModel } from '../fixtures/rank-models.ts'
import { commit, machine, type Spread, spread } from './measure.ts'
import { cpuMs } from './shop.ts'

const COMPATIBILITY_DATE = '2026-10-01'
const SEED = 5

export type RankerSizes = { rows: number[]; hidden: number; runs: number; rounds: number }
export const SMOKE: RankerSizes = { rows: [20], hidden: 8, runs: 5, rounds: 2 }
export const FULL: RankerSizes = { rows: [50, 200, 400], hidden: 64, runs: 500, rounds: 9 }

export type RankerReport = {
  machine: string
  commit: string
  model: string
  /** Milliseconds from the first request on; the bundle is in memory. */
  coldMs: number
  /** Milliseconds a run, by rows; `cpuMs` is what workerd computed in all rounds, and stays true beside other work. */
  warm: { rows: number; ms: Spread; cpuMs: number }[]
  /** Sum of the first row's scores. */
  checksum: number
}

export async function measureRanker(sizes: RankerSizes, isMultiTask = false): Promise<RankerReport> {
  const model = isMultiTask ? multiTaskModel(RANK_FEATURES.length, SEED) : mlpModel(sizes.hidden, SEED).model
  const modules = await bundleWorker('test/bench/ranker-worker.ts', 'test/bench/ranker.toml')
  const others = childrenNamed('workerd')
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.NONE),
      cf: false,
      telemetry: { enabled: false },
      workers: [
        {
          name: 'ranker',
          compatibilityDate: COMPATIBILITY_DATE,
          modules: modules.map(({ type, path, contents }) => ({ type, path, contents })),
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
        },
      ],
    }),
  )
  try {
    await miniflare.ready
    const pid = childrenNamed('workerd').find((child) => !others.includes(child)) ?? 0
    const url = await miniflare.unsafeGetDirectURL('ranker')
    const run = async (runs: number, rows: number) => {
      const reply = await fetch(new URL(`/?runs=${runs}&rows=${rows}`, url), { method: 'POST', body: model })
      if (!reply.ok) throw new Error(`The ranker's Worker answered ${reply.status}: ${await reply.text()}`)
      return ((await reply.json()) as { checksum: number }).checksum
    }
    const timed = async (runs: number, rows: number) => {
      const from = performance.now()
      const checksum = await run(runs, rows)
      return { ms: performance.now() - from, checksum }
    }
    const { ms: coldMs } = await timed(1, sizes.rows[0]!)
    const warm: RankerReport['warm'] = []
    let checksum = 0
    for (const rows of sizes.rows) {
      await run(sizes.runs, rows)
      const times: number[] = []
      const before = cpuMs(pid)
      for (let round = 0; round < sizes.rounds; round++) {
        const idle = await timed(0, rows)
        const busy = await timed(sizes.runs, rows)
        times.push((busy.ms - idle.ms) / sizes.runs)
        checksum += busy.checksum / sizes.runs
      }
      const cpu = (cpuMs(pid) - before) / (sizes.runs * sizes.rounds)
      warm.push({ rows, ms: spread(times, 1_000), cpuMs: Math.round(1_000 * cpu) / 1_000 })
    }
    return {
      machine: machine(),
      commit: commit(),
      model: `${isMultiTask ? `${RANK_FEATURES.length} → 4 experts of 32 → 3 towers of 16` : `64 → ${sizes.hidden} → ${sizes.hidden} → 1`}, ReLU, sigmoid, ${model.length} bytes`,
      coldMs: Math.round(coldMs),
      warm,
      checksum,
    }
  } finally {
    await miniflare.dispose()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, 'multi-task': { type: 'boolean' } },
  })
  const report = await measureRanker(values.smoke ? SMOKE : FULL, values['multi-task'])
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string | number) => console.log(`${name.padEnd(28)} ${value}`)
    row('machine', report.machine)
    row('model', report.model)
    row('cold, first request, ms', report.coldMs)
    for (const { rows, ms, cpuMs: cpu } of report.warm)
      row(`warm, ${rows} rows, ms a run`, `${ms.median}   (${ms.low} to ${ms.high}), CPU ${cpu}`)
    row('checksum', report.checksum)
  }
  process.exit(0)
}
