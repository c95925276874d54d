/**
 * @file Slips put into a catalogue on purpose: how many are found, how many of those found are such, and what a repair is worth.
 *
 *   node test/bench/outliers.ts [--seed N] [--samples N] [--neighbours] [--json] [--smoke]
 *
 * Icecat where `AISLE_DATA` (default ../shared/data) has it, else the sample shop. A seeded slip of each kind goes into 1 % of the
 * items, of each kind into its own copy of the catalogue, as a shop would have it: what is learnt is learnt with the slips in it. False alarms
 * are what is found in the catalogue as it is, whose own errors are among them: `--samples` shows some to be looked at. `--neighbours` encodes
 * the items (a minute or two) and judges prices by those of the nearest as well.
 */
import { parseArgs } from 'node:util'
import { renderTable } from '../../infra/cli/table.ts'
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { OUTLIER_RULES } from '../../shared/quality/outliers/rules.ts'
import type { Finding, Item } from '../../shared/schema/item.ts'
import { readShop, shopFile } from '../fixtures/tiled-shop.ts'
import { commit, machine } from './measure.ts'
import { measureNeighbours, type NeighboursReport } from './outliers-neighbours.ts'

const SHARE = 0.01
/** A repair is right when it is this near to what was there. */
const TOLERANCE = 0.001

type Kind = { name: string; field: 'price' | 'attribute'; factor: number }
export const PRICE_KINDS = [10, 100, 1_000].flatMap((factor): Kind[] => [
  { name: `price × ${factor}`, field: 'price', factor },
  { name: `price ÷ ${factor}`, field: 'price', factor: 1 / factor },
])
const UNIT_KINDS: Kind[] = [
  ...Object.entries({ 'cm as mm': 10, 'm as cm': 100, 'kg as g': 1_000, 'in as cm': 2.54, 'in as mm': 25.4 }),
].flatMap(([name, factor]) => {
  const [small, large] = name.split(' as ')
  return [
    { name, field: 'attribute' as const, factor },
    { name: `${large} as ${small}`, field: 'attribute' as const, factor: 1 / factor },
  ]
})

type Row = {
  kind: string
  injected: number
  found: number
  recall: number
  /** Of the findings in items of this copy beyond those of the catalogue as it is, the share that was put there. */
  precision: number
  /** Of the slips found, the share with a repair; of the repairs, the share that gives back what was there. */
  repaired: number
  repairPrecision: number
}
export type OutlierReport = {
  machine: string
  commit: string
  shop: string
  items: number
  values: number
  findings: number
  perMille: number
  learnSeconds: number
  judgeMicroseconds: number
  rows: Row[]
  samples: string[]
}

export async function measureOutliers(
  source: 'real' | 'sample',
  seed: number,
  samples: number,
  kinds: readonly Kind[] = [...PRICE_KINDS, ...UNIT_KINDS],
): Promise<OutlierReport> {
  const file = shopFile(source)
  const items = await readShop(file)
  const values = items.reduce((sum, item) => sum + numericFields(item, 'any').length, 0)
  const { learnSeconds, judgeSeconds, findings } = run(items)
  const own = new Set(findings.flatMap((found, at) => found.map(({ field }) => `${at} ${field}`)))
  return {
    ...{ machine: machine(), commit: commit(), shop: file.name, items: items.length, values },
    findings: own.size,
    perMille: (1_000 * own.size) / values,
    learnSeconds,
    judgeMicroseconds: (1e6 * judgeSeconds) / items.length,
    rows: kinds.map((kind) => measureKind(items, kind, own, seed)),
    samples: pickSamples(items, findings, samples, createRandom(seed)),
  }
}

function run(items: readonly Item[]) {
  const begin = performance.now()
  const learners = OUTLIER_RULES.map((rule) => rule.start())
  for (const item of items) for (const learner of learners) learner.see(item)
  const learnt = learners.map((learner) => learner.learn())
  const middle = performance.now()
  const findings = items.map((item) => OUTLIER_RULES.flatMap((rule, at) => rule.judge(learnt[at], item)))
  const end = performance.now()
  return { findings, learnSeconds: (middle - begin) / 1_000, judgeSeconds: (end - middle) / 1_000 }
}

function measureKind(items: readonly Item[], kind: Kind, own: ReadonlySet<string>, seed: number): Row {
  const random = createRandom(seed)
  const slips = new Map<number, { field: string; right: number }>()
  const shop = items.map((item, at) => {
    const fields = numericFields(item, kind.field)
    if (random() >= SHARE || fields.length === 0) return item
    const field = fields[Math.floor(random() * fields.length)]!
    slips.set(at, { field, right: valueAt(item, field) })
    return withValue(item, field, valueAt(item, field) * kind.factor)
  })
  const { findings } = run(shop)
  let [found, others, repaired, right] = [0, 0, 0, 0]
  findings.forEach((list, at) => {
    const slip = slips.get(at)
    for (const { field, repair } of list) {
      if (field !== slip?.field) {
        if (!own.has(`${at} ${field}`)) others++
        continue
      }
      found++
      if (repair === undefined) continue
      repaired++
      if (Math.abs((repair.value as number) / slip.right - 1) < TOLERANCE) right++
    }
  })
  const share = (part: number, whole: number) => (whole === 0 ? Number.NaN : part / whole)
  return {
    ...{ kind: kind.name, injected: slips.size, found, recall: share(found, slips.size) },
    precision: share(found, found + others),
    repaired: share(repaired, found),
    repairPrecision: share(right, repaired),
  }
}

const numericFields = (item: Item, kind: 'price' | 'attribute' | 'any'): string[] => [
  ...(kind !== 'attribute' && item.price !== null && item.price > 0 ? ['price'] : []),
  ...Object.entries(item.attributes).flatMap(([name, value]) =>
    kind !== 'price' && typeof value === 'number' && value > 0 ? [`attributes.${name}`] : [],
  ),
]
const nameOf = (field: string): string => field.slice('attributes.'.length)
const valueAt = (item: Item, field: string): number =>
  field === 'price' ? item.price! : (item.attributes[nameOf(field)] as number)
const withValue = (item: Item, field: string, value: number): Item =>
  field === 'price'
    ? { ...item, price: value }
    : { ...item, attributes: { ...item.attributes, [nameOf(field)]: value } }

function pickSamples(
  items: readonly Item[],
  findings: readonly Finding[][],
  count: number,
  random: Random,
): string[] {
  const lines = items.flatMap(({ title }, at) =>
    findings[at]!.map(
      ({ rule, field, evidence, repair }) =>
        `${rule} | ${title.slice(0, 60)} | ${field} | ${evidence}${repair ? ` → ${repair.value} (${repair.confidence.toFixed(2)})` : ''}`,
    ),
  )
  return Array.from({ length: Math.min(count, lines.length) }, () =>
    lines.splice(Math.floor(random() * lines.length), 1),
  ).flat()
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
      seed: { type: 'string', default: '1' },
      samples: { type: 'string', default: '0' },
      neighbours: { type: 'boolean' },
    },
  })
  const report = await measureOutliers(
    values.smoke ? 'sample' : 'real',
    Number(values.seed),
    Number(values.samples),
  )
  const neighbours = values.neighbours
    ? await measureNeighbours(
        await readShop(shopFile(values.smoke ? 'sample' : 'real')),
        Number(values.seed),
        Number(values.samples),
      )
    : null
  if (values.json) console.log(JSON.stringify({ ...report, neighbours }))
  else {
    print(report)
    if (neighbours) printNeighbours(neighbours)
  }
}

function printNeighbours({ items, findings, recalls, samples }: NeighboursReport): void {
  console.log(
    `\nby neighbours, as it is: ${findings} findings, ${((1_000 * findings) / items).toFixed(2)} of a thousand`,
  )
  console.log(
    renderTable(
      ['price', 'recall'],
      recalls.map(({ factor, recall }) => [`× ${factor}`, `${(100 * recall).toFixed(1)} %`]),
    ),
  )
  for (const line of samples) console.log(line)
}

function print(report: OutlierReport): void {
  const percent = (share: number) => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`)
  console.log(
    `${report.shop}: ${report.items} items, ${report.values} numbers; ${report.machine}\n` +
      `learnt in ${report.learnSeconds.toFixed(2)} s, judged in ${report.judgeMicroseconds.toFixed(0)} µs an item\n` +
      `as it is: ${report.findings} findings, ${report.perMille.toFixed(2)} of a thousand numbers\n`,
  )
  console.log(
    renderTable(
      ['slip', 'items', 'found', 'recall', 'precision', 'with a repair', 'repairs right'],
      report.rows.map((row) => [
        ...[row.kind, String(row.injected), String(row.found), percent(row.recall), percent(row.precision)],
        ...[percent(row.repaired), percent(row.repairPrecision)],
      ]),
    ),
  )
  for (const line of report.samples) console.log(line)
}
