/**
 * @file How well `aisle clean` finds and repairs errors: on tables with real errors of which the clean version is known, and on
 * real tables with errors of known kinds put in. Each without labels, and with the clean values of the rows that it asks for.
 *
 *   node test/bench/clean.ts [--json] [--smoke] [--without DETECTOR,…]
 *
 * Data from `AISLE_DATA` (default ../shared/data). `--smoke` needs none: a small table of its own.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCatalogue, readTable } from '../../infra/cli/catalogue-file.ts'
import { createRandom } from '../../shared/lib/random.ts'
import type { Labels } from '../../shared/quality/table/detector.ts'
import { collectVerdicts, DETECTORS, judgeTable, type Suspect } from '../../shared/quality/table/judge.ts'
import { suggestRows } from '../../shared/quality/table/suggest.ts'
import { createTable } from '../../shared/quality/table/table.ts'
import { corrupt, type Rows } from './corrupt.ts'
import { commit, machine } from './measure.ts'

const DATA = process.env['AISLE_DATA'] ?? '../shared/data'
const LABELS = 20
const ROWS_MAX = 1_500
const ERROR_RATE = 0.05
const SEEDS = [1, 2, 3]

type Score = {
  precision: number
  recall: number
  f1: number
  /** Of the cells that are suspected rightly or wrongly: how many get a repair, and how many of those are the clean value. */
  repairCoverage: number
  repairPrecision: number
}
export type CleanReport = {
  machine: string
  commit: string
  tables: {
    name: string
    cells: number
    errors: number
    unlabelled: Score
    labelled: Score
    seconds: number
  }[]
}

type Case = { name: string; names: string[]; dirty: Rows; clean: Rows }

export function measureCase(
  { name, names, dirty, clean }: Case,
  detectors = DETECTORS,
): CleanReport['tables'][number] {
  const startedAt = performance.now()
  const table = createTable(names, dirty)
  const unlabelled = scoreOf(judgeTable(table, new Map(), detectors).suspects, dirty, clean)
  const rows = suggestRows(table, collectVerdicts(table, new Map(), detectors).verdicts, LABELS)
  const labels: Labels = new Map(rows.map((row) => [row, clean[row]!]))
  const labelled = scoreOf(judgeTable(table, labels, detectors).suspects, dirty, clean)
  const seconds = Math.round(performance.now() - startedAt) / 1_000
  return {
    name,
    cells: dirty.length * names.length,
    errors: countErrors(dirty, clean),
    unlabelled,
    labelled,
    seconds,
  }
}

const countErrors = (dirty: Rows, clean: Rows): number =>
  dirty.reduce((sum, row, at) => sum + row.filter((value, column) => value !== clean[at]![column]).length, 0)

function scoreOf(suspects: readonly Suspect[], dirty: Rows, clean: Rows): Score {
  const right = suspects.filter(({ row, column }) => dirty[row]![column] !== clean[row]![column]).length
  const repairs = suspects.filter(({ repair }) => repair !== undefined)
  const repaired = repairs.filter(({ row, column, repair }) => repair === clean[row]![column]).length
  const errors = countErrors(dirty, clean)
  return {
    precision: right / Math.max(1, suspects.length),
    recall: right / Math.max(1, errors),
    f1: (2 * right) / Math.max(1, suspects.length + errors),
    repairCoverage: repairs.length / Math.max(1, suspects.length),
    repairPrecision: repaired / Math.max(1, repairs.length),
  }
}

async function readRows(file: string): Promise<{ names: string[]; rows: Rows }> {
  const rows: Rows = []
  let header: string[] = []
  for await (const { names, fields } of readTable(join(DATA, file))) {
    if (header.length > 0) rows.push(names.map((_, at) => fields[at] ?? ''))
    header = names
  }
  return { names: header, rows }
}

async function realCase(name: string): Promise<Case> {
  const [dirty, clean] = await Promise.all(
    ['dirty', 'clean'].map((one) => readRows(`dirty/${name}/${one}.csv`)),
  )
  return { name, names: dirty!.names, dirty: dirty!.rows, clean: clean!.rows }
}

const ICECAT_FIELDS = [
  'id',
  'name',
  'title',
  'supplier',
  'price',
  'date_released',
  'ean',
  'attr_t_product_colour',
  'attr_n_weight',
]

async function icecat(): Promise<{ names: string[]; rows: Rows }> {
  const rows: Rows = []
  for await (const { row } of readCatalogue(join(DATA, 'icecat/products.ndjson.gz'))) {
    rows.push(
      ICECAT_FIELDS.map((field) =>
        String(
          (row[field] as unknown[])?.[0] && Array.isArray(row[field]) ? row[field][0] : (row[field] ?? ''),
        )
          .slice(0, 200)
          .replace(/T00:00:00Z$/, ''),
      ),
    )
    if (rows.length === ROWS_MAX) break
  }
  return { names: ICECAT_FIELDS, rows }
}

/** Tables that are taken as they are for clean, and get errors. */
const BASES: [string, () => Promise<{ names: string[]; rows: Rows }>][] = [
  ['icecat', icecat],
  ['buy', () => readRows('matching/abt-buy-tables/Buy.csv')],
  ['hospital', () => readRows('dirty/hospital/clean.csv')],
  ['beers', () => readRows('dirty/beers/clean.csv')],
  ['rayyan', () => readRows('dirty/rayyan/dirty.csv')],
]

async function* injectedCases(): AsyncGenerator<Case> {
  for (const [name, read] of BASES) {
    const { names, rows } = await read()
    for (const seed of SEEDS) {
      const clean = rows.slice(0, ROWS_MAX)
      const { dirty } = corrupt(clean, createRandom(seed), ERROR_RATE, [0])
      yield { name: `${name} + errors ${seed}`, names, dirty, clean }
    }
  }
}

/** Shops in towns, a town a state, and a price. */
export function smokeCase(): Case {
  const random = createRandom(7)
  const towns = ['Hamburg', 'Bremen', 'Kassel', 'Dresden', 'Potsdam', 'Rostock', 'Stuttgart', 'Mannheim']
  const clean = Array.from({ length: 200 }, (_, at) => {
    const town = at % towns.length
    return [String(at + 1), towns[town]!, `Land ${town}`, (5 + 20 * random()).toFixed(2)]
  })
  const { dirty } = corrupt(clean, random, ERROR_RATE, [0])
  return { name: 'smoke', names: ['id', 'town', 'state', 'price'], dirty, clean }
}

export async function measureClean(smoke: boolean, without: readonly string[] = []): Promise<CleanReport> {
  const detectors = DETECTORS.filter(({ id }) => !without.includes(id))
  const tables: CleanReport['tables'] = []
  if (smoke) tables.push(measureCase(smokeCase(), detectors))
  else {
    for (const name of ['beers', 'flights', 'hospital'])
      tables.push(measureCase(await realCase(name), detectors))
    for await (const one of injectedCases()) tables.push(measureCase(one, detectors))
  }
  return { machine: machine(), commit: commit(), tables }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, without: { type: 'string' } },
  })
  const smoke = values.smoke ?? !existsSync(join(DATA, 'dirty'))
  const report = await measureClean(smoke, values.without?.split(','))
  if (values.json) console.log(JSON.stringify(report))
  else {
    console.log(`machine  ${report.machine}\ncommit   ${report.commit}\n`)
    console.log(
      'table               errors    no labels: P    R   F1  repair: P  cover   20 labels: P    R   F1  repair: P  cover   seconds',
    )
    const three = (x: number) => x.toFixed(3).replace(/^0/, '')
    for (const { name, errors, unlabelled: a, labelled: b, seconds } of report.tables) {
      const score = (s: Score) =>
        `${three(s.precision)} ${three(s.recall)} ${three(s.f1)}   ${three(s.repairPrecision)}   ${three(s.repairCoverage)}`
      console.log(
        `${name.padEnd(20)} ${String(errors).padStart(5)}   ${score(a).padEnd(40)}   ${score(b).padEnd(40)} ${seconds.toFixed(1)}`,
      )
    }
  }
}
