/**
 * @file What the quality rules cost: CPU of one item on the write path, and the time of a whole report.
 *
 *   node test/bench/quality.ts [--json] [--smoke]
 *
 * On Icecat where `AISLE_DATA` (default ../shared/data) has it, else on the sample shop, and the name says which. An item's time
 * is the median of its rounds: what another program took of one round does not count. (The CPU time of a thread comes in ticks of
 * milliseconds here, far longer than an item.)
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCatalogue } from '../../infra/cli/catalogue-file.ts'
import { readFieldMap } from '../../infra/cli/import.ts'
import { assessFile } from '../../infra/cli/quality.ts'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'
import { assessItem } from '../../shared/quality/assess.ts'
import { judgeByLearnt, startLearning } from '../../shared/quality/catalogue-rules.ts'
import { cleanItem } from '../../shared/quality/clean.ts'
import { applyFieldMap } from '../../shared/quality/field-map.ts'
import { judgeBy } from '../../shared/quality/item-rule.ts'
import { ITEM_RULES } from '../../shared/quality/item-rules.ts'
import { repairItem } from '../../shared/quality/repair.ts'
import { commit, machine, type Spread, spread } from './measure.ts'

const ICECAT = join(process.env['AISLE_DATA'] ?? '../shared/data', 'icecat/products.ndjson.gz')
const ICECAT_MAP = 'test/fixtures/icecat.map.json'
const NOW = Date.parse('2026-06-01T00:00:00Z')

export type QualitySizes = { items: number; rounds: number; source: 'real' | 'sample' }
export const SMOKE: QualitySizes = { items: 50, rounds: 1, source: 'sample' }
export const FULL: QualitySizes = { items: Number.POSITIVE_INFINITY, rounds: 5, source: 'real' }

/** Microseconds an item, on one thread that does nothing else. */
type Quantiles = { p50: number; p99: number; max: number }
export type QualityBench = {
  machine: string
  commit: string
  catalogue: string
  items: number
  /** Cleaning alone; the rules of the write path with their repairs; all of `assessItem`; rules by what was learnt. */
  cleaning: Quantiles
  rules: Quantiles
  writePath: Quantiles
  learntRules: Quantiles
  /** Characters of JSON that the catalogue rules keep. */
  learntChars: number
  /** Seconds of `aisle quality` on the file, without the start of the process. */
  report: { wall: Spread; cpu: Spread }
  score: number
  /** Findings of all rules on all items. */
  checksum: number
}

export async function measureQuality(sizes: QualitySizes): Promise<QualityBench> {
  const shop = openShop(sizes.source)
  try {
    const map = readFieldMap(shop.map)
    const raws: unknown[] = []
    for await (const { row } of readCatalogue(shop.file)) {
      if (raws.length >= sizes.items) break
      raws.push(applyFieldMap(map, row))
    }
    const items = raws.flatMap((raw) => cleanItem(raw).item ?? [])
    const learning = startLearning()
    for (const item of items) learning.see(item)
    const learnt = learning.learn()
    const rules = (item: (typeof items)[number]) => repairItem(item, (one) => judgeBy(ITEM_RULES, one, NOW))

    const reports = []
    for (let round = 0; round < sizes.rounds; round++) reports.push(await timeReport(shop.file, shop.map))
    return {
      machine: machine(),
      commit: commit(),
      catalogue: shop.name,
      items: items.length,
      cleaning: timeEach(raws, sizes.rounds, cleanItem),
      rules: timeEach(items, sizes.rounds, rules),
      writePath: timeEach(raws, sizes.rounds, (raw) => assessItem(raw, NOW)),
      learntRules: timeEach(items, sizes.rounds, (item) => judgeByLearnt(learnt, item)),
      learntChars: JSON.stringify(learnt).length,
      report: {
        wall: spread(
          reports.map(({ wall }) => wall),
          100,
        ),
        cpu: spread(
          reports.map(({ cpu }) => cpu),
          100,
        ),
      },
      score: reports[0]!.score,
      checksum: items.reduce(
        (sum, item) => sum + rules(item).findings.length + judgeByLearnt(learnt, item).length,
        0,
      ),
    }
  } finally {
    shop.close()
  }
}

function openShop(source: QualitySizes['source']) {
  if (source === 'real' && existsSync(ICECAT))
    return { name: 'Icecat', file: ICECAT, map: ICECAT_MAP, close: () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'aisle-quality-bench-'))
  const [file, map] = [join(folder, 'shop.ndjson'), join(folder, 'map.json')]
  writeFileSync(
    file,
    sampleCatalogue()
      .map((item) => JSON.stringify(item))
      .join('\n'),
  )
  writeFileSync(map, '{"fields": {}}')
  const why = source === 'real' ? ` (no ${ICECAT})` : ''
  return { name: `the sample shop${why}`, file, map, close: () => rmSync(folder, { recursive: true }) }
}

function timeEach<T>(values: readonly T[], rounds: number, work: (value: T) => unknown): Quantiles {
  const times = values.map(() => [] as number[])
  // The first round warms the compiler up and is not counted.
  for (let round = 0; round <= rounds; round++)
    for (const [at, value] of values.entries()) {
      const from = performance.now()
      work(value)
      if (round > 0) times[at]!.push((performance.now() - from) * 1_000)
    }
  const sorted = times.map((own) => own.sort((a, b) => a - b)[own.length >> 1]!).sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(10 * (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)) / 10
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

async function timeReport(file: string, map: string) {
  const from = performance.now()
  const cpuFrom = process.cpuUsage()
  const { score } = await assessFile(file, { map, quiet: true }, NOW)
  const { user, system } = process.cpuUsage(cpuFrom)
  return { wall: (performance.now() - from) / 1_000, cpu: (user + system) / 1e6, score }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, smoke: { type: 'boolean' } } })
  const bench = await measureQuality(values.smoke ? SMOKE : FULL)
  if (values.json) console.log(JSON.stringify(bench))
  else {
    const row = (name: string, value: string | number) => console.log(`${name.padEnd(34)} ${value}`)
    const quantiles = ({ p50, p99, max }: Quantiles) => `p50 ${p50}   p99 ${p99}   max ${max}`
    const seconds = ({ median, low, high }: Spread) => `${median}   (${low} to ${high})`
    row('machine', bench.machine)
    row('catalogue', `${bench.catalogue}, ${bench.items} items`)
    row('cleaning, µs an item', quantiles(bench.cleaning))
    row('rules of the write path, µs', quantiles(bench.rules))
    row('the whole write path, µs', quantiles(bench.writePath))
    row('rules by what was learnt, µs', quantiles(bench.learntRules))
    row('learnt, characters of JSON', bench.learntChars)
    row('report of the file, s', seconds(bench.report.wall))
    row('report of the file, s CPU', seconds(bench.report.cpu))
    row('score', bench.score)
    row('checksum', bench.checksum)
  }
}
