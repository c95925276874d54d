/**
 * @file Known values hidden from the rules that fill gaps: how many they give back, how many of those are right, and whether their confidence
 * is. Then names in titles, by the tagger alone, against what people marked.
 *
 *   node test/bench/impute.ts [--catalog FILE] [--map FILE] [--seed N] [--samples N] [--json] [--smoke]
 *
 * Icecat where `AISLE_DATA` (default ../shared/data) has it, else the sample shop. Of each field a seeded 20 % is hidden, all at once. A guess is
 * right when it is what was there: a path, or the beginning of it; a text, but for case and marks; a number, within 2 %.
 */
import { parseArgs } from 'node:util'
import { renderTable } from '../../infra/cli/table.ts'
import { readFullItems } from '../../infra/cli/training-files.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { isSameValue } from '../../shared/quality/impute/named-traits.ts'
import { IMPUTE_RULES } from '../../shared/quality/impute/rules.ts'
import { traitOfAttribute } from '../../shared/quality/impute/traits.ts'
import { calibrationError } from '../../shared/quality/learn/calibration.ts'
import type { Item } from '../../shared/schema/item.ts'
import { readShop, shopFile } from '../fixtures/tiled-shop.ts'
import { measureNames, type NamesReport } from './impute-names.ts'
import { commit, machine } from './measure.ts'

const HIDDEN_SHARE = 0.2
const NUMBER_TOLERANCE = 0.02

type Guess = { rule: string; isRight: boolean; probability: number; line: string }
type Row = {
  rule: string
  hidden: number
  guessed: number
  coverage: number
  precision: number
  calibrationError: number
}
export type ImputeReport = {
  machine: string
  commit: string
  shop: string
  items: number
  learnSeconds: number
  judgeMicroseconds: number
  rows: Row[]
  /** Guesses for fields that the shop left empty itself; nobody knows whether they are right. */
  elsewhere: Record<string, number>
  samples: string[]
  names: NamesReport | null
}

export async function measureImputation(
  shop: { name: string; items: readonly Item[] },
  seed: number,
  sampleCount: number,
  withNames = true,
): Promise<ImputeReport> {
  const random = createRandom(seed)
  const hidden = new Map<string, number>()
  const gapped = shop.items.map((item) =>
    hideSome(item, (rule) => {
      if (random() >= HIDDEN_SHARE) return false
      hidden.set(rule, (hidden.get(rule) ?? 0) + 1)
      return true
    }),
  )
  const begin = performance.now()
  const learners = IMPUTE_RULES.map((rule) => rule.start())
  for (const item of gapped) for (const learner of learners) learner.see(item)
  const learnt = learners.map((learner) => learner.learn())
  const middle = performance.now()
  const findings = gapped.map((item) => IMPUTE_RULES.flatMap((rule, at) => rule.judge(learnt[at], item)))
  const end = performance.now()

  const elsewhere: Record<string, number> = {}
  const guesses = findings.flatMap((list, at) =>
    list.flatMap(({ rule, field, repair }): Guess[] => {
      const was = valueAt(shop.items[at]!, field)
      if (was === undefined) {
        elsewhere[rule] = (elsewhere[rule] ?? 0) + 1
        return []
      }
      const isRight = isSame(repair!.value, was)
      const line = `${rule} ${isRight ? 'right' : 'WRONG'} | ${gapped[at]!.title.slice(0, 60)} | ${field} | ${repair!.value} (${repair!.confidence.toFixed(2)}), was ${was}`
      return [{ rule, isRight, probability: repair!.confidence, line }]
    }),
  )
  return {
    ...{ machine: machine(), commit: commit(), shop: shop.name, items: gapped.length },
    learnSeconds: (middle - begin) / 1_000,
    judgeMicroseconds: (1_000 * (end - middle)) / gapped.length,
    rows: [...hidden].map(([rule, count]) => rowOf(rule, count, guesses)),
    elsewhere,
    samples: Array.from(
      { length: Math.min(sampleCount, guesses.length) },
      () => guesses[Math.floor(random() * guesses.length)]!.line,
    ),
    names: withNames ? await measureNames() : null,
  }
}

function rowOf(rule: string, hidden: number, guesses: readonly Guess[]): Row {
  const own = guesses.filter((guess) => guess.rule === rule)
  return {
    ...{ rule, hidden, guessed: own.length, coverage: own.length / hidden },
    precision: own.filter(({ isRight }) => isRight).length / own.length,
    calibrationError: calibrationError(own),
  }
}

function hideSome(item: Item, isHidden: (rule: string) => boolean): Item {
  const attributes = Object.entries(item.attributes).filter(([name, value]) => {
    if (typeof value === 'number') return !isHidden('imputed-number')
    const trait = typeof value === 'boolean' ? null : traitOfAttribute(name)
    return trait === null || !isHidden(`imputed-${trait}`)
  })
  return {
    ...item,
    category: item.category.length > 0 && isHidden('imputed-category') ? [] : item.category,
    brand: item.brand !== '' && isHidden('imputed-brand') ? '' : item.brand,
    attributes: Object.fromEntries(attributes),
  }
}

function valueAt(item: Item, field: string): unknown {
  if (field === 'category') return item.category.length > 0 ? item.category : undefined
  if (field === 'brand') return item.brand === '' ? undefined : item.brand
  return item.attributes[field.slice('attributes.'.length)]
}

function isSame(guess: unknown, was: unknown): boolean {
  if (typeof guess === 'number' && typeof was === 'number')
    return Math.abs(guess - was) <= NUMBER_TOLERANCE * Math.abs(was)
  if (Array.isArray(guess) && Array.isArray(was)) return guess.every((level, at) => level === was[at])
  return isSameValue(String(guess), String(was))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
      catalog: { type: 'string' },
      map: { type: 'string' },
      seed: { type: 'string', default: '1' },
      samples: { type: 'string', default: '0' },
    },
  })
  const file = shopFile(values.smoke ? 'sample' : 'real')
  const shop =
    values.catalog === undefined
      ? { name: file.name, items: await readShop(file) }
      : { name: values.catalog, items: await readFullItems(values.catalog, values.map) }
  const report = await measureImputation(shop, Number(values.seed), Number(values.samples))
  if (values.json) console.log(JSON.stringify(report))
  else print(report)
}

function print(report: ImputeReport): void {
  const percent = (share: number) => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`)
  console.log(
    `${report.shop}: ${report.items} items; ${report.machine}\n` +
      `learnt in ${report.learnSeconds.toFixed(2)} s, judged in ${report.judgeMicroseconds.toFixed(0)} µs an item\n`,
  )
  console.log(
    renderTable(
      ['rule', 'hidden', 'guessed', 'coverage', 'precision', 'calibration error', 'guessed elsewhere'],
      report.rows.map((row) => [
        ...[row.rule, String(row.hidden), String(row.guessed), percent(row.coverage), percent(row.precision)],
        ...[row.calibrationError.toFixed(3), String(report.elsewhere[row.rule] ?? 0)],
      ]),
    ),
  )
  if (report.names)
    console.log(
      `\nNames in Chinese titles, ${report.names.learnt} learnt from, ${report.names.asked} asked:\n` +
        renderTable(
          ['kind', 'marked', 'precision', 'recall', 'F1'],
          report.names.rows.map(({ kind, marked, precision, recall, f1 }) => [
            ...[kind, String(marked), precision.toFixed(3), recall.toFixed(3), f1.toFixed(3)],
          ]),
        ),
    )
  for (const line of report.samples) console.log(line)
}
