/**
 * @file What the user tower costs a recommendation: the vectors of a history in, the user's vector out, in workerd, by the edge's
 * own code. The weights are seeded: what they are changes nothing of the time.
 *
 *   node test/bench/tower.ts [--json] [--smoke] [--hidden N] [--layers N] [--inner N]
 *
 * Warm and cold as in `ranker.ts`.
 */
import { parseArgs } from 'node:util'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { sasrecSpecs } from '../../gpu-worker/model/sasrec.ts'
import { initialValues } from '../../gpu-worker/model/seeded.ts'
import { SasrecSettings } from '../../gpu-worker/recommend/sasrec/settings.ts'
import { buildTower } from '../../gpu-worker/recommend/sasrec/tower.ts'
import { bundleWorker } from '../../infra/local/bundle.ts'
import { childrenNamed } from '../../infra/local/processes.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { commit, machine, type Spread, spread } from './measure.ts'
import { cpuMs } from './shop.ts'

const COMPATIBILITY_DATE = '2026-10-01'
const SEED = 5

export type TowerSizes = { settings: Partial<SasrecSettings>; items: number[]; runs: number; rounds: number }
export const SMOKE: TowerSizes = { settings: { hidden: 16, inner: 16 }, items: [6], runs: 5, rounds: 2 }
export const FULL: TowerSizes = { settings: {}, items: [6, 20, 50], runs: 500, rounds: 9 }

export type TowerReport = {
  machine: string
  commit: string
  model: string
  /** Milliseconds from the first request on; the bundle is in memory. */
  coldMs: number
  /** Milliseconds a run, by items of the history; `cpuMs` is what workerd computed in all rounds. */
  warm: { items: number; ms: Spread; cpuMs: number }[]
  /** Sum of the user vectors' first numbers. */
  checksum: number
}

export async function measureTower(sizes: TowerSizes): Promise<TowerReport> {
  const { hidden, layers, heads, inner, positions } = SasrecSettings.parse(sizes.settings)
  const config = { hidden, layers, heads, inner, positions }
  const random = createRandom(SEED)
  const tensors = sasrecSpecs(config).map(({ name, shape, initial }) => {
    const count = shape.reduce((product, dim) => product * dim, 1)
    return [name, { shape, data: initialValues(initial, count, random) }] as const
  })
  const model = buildTower(config, new Map(tensors))
  const modules = await bundleWorker('test/bench/tower-worker.ts', 'test/bench/tower.toml')
  const others = childrenNamed('workerd')
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.NONE),
      cf: false,
      telemetry: { enabled: false },
      workers: [
        {
          name: 'tower',
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
    const url = await miniflare.unsafeGetDirectURL('tower')
    const timed = async (runs: number, items: number) => {
      const from = performance.now()
      const asked = new URL(`/?runs=${runs}&items=${items}&hidden=${hidden}`, url)
      const reply = await fetch(asked, { method: 'POST', body: model })
      if (!reply.ok) throw new Error(`The tower's Worker answered ${reply.status}: ${await reply.text()}`)
      const { checksum } = (await reply.json()) as { checksum: number }
      return { ms: performance.now() - from, checksum }
    }
    const { ms: coldMs } = await timed(1, sizes.items[0]!)
    const warm: TowerReport['warm'] = []
    let checksum = 0
    for (const items of sizes.items) {
      await timed(sizes.runs, items)
      const times: number[] = []
      const before = cpuMs(pid)
      for (let round = 0; round < sizes.rounds; round++) {
        const idle = await timed(0, items)
        const busy = await timed(sizes.runs, items)
        times.push((busy.ms - idle.ms) / sizes.runs)
        checksum += busy.checksum / sizes.runs
      }
      const cpu = (cpuMs(pid) - before) / (sizes.runs * sizes.rounds)
      warm.push({ items, ms: spread(times, 1_000), cpuMs: Math.round(1_000 * cpu) / 1_000 })
    }
    return {
      machine: machine(),
      commit: commit(),
      model: `${layers} layers of ${hidden}, ${heads} heads, ${inner} within, ${model.length} bytes`,
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
    options: {
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
      hidden: { type: 'string' },
      layers: { type: 'string' },
      inner: { type: 'string' },
    },
  })
  const sizes = values.smoke ? SMOKE : FULL
  const asked = Object.entries(values).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, Number(value)] as const] : [],
  )
  const report = await measureTower({
    ...sizes,
    settings: { ...sizes.settings, ...Object.fromEntries(asked) },
  })
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string | number) => console.log(`${name.padEnd(28)} ${value}`)
    row('machine', report.machine)
    row('model', report.model)
    row('cold, first request, ms', report.coldMs)
    for (const { items, ms, cpuMs: cpu } of report.warm)
      row(`warm, ${items} items, ms a run`, `${ms.median}   (${ms.low} to ${ms.high}), CPU ${cpu}`)
    row('checksum', report.checksum)
  }
  process.exit(0)
}
