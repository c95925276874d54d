/**
 * @file `aisle clean`: reads any CSV table, writes the cells that it suspects, with reasons and repairs, or the rows that it
 * would like a person to label. A small table is judged whole. A larger one is judged block by block, each beside the same
 * random sample of all rows, so that memory does not grow with the file: what is rare in the sample and in the block is
 * taken for rare in the table.
 */
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { createRandom, type Random } from '../../shared/lib/random.ts'
import type { Labels } from '../../shared/quality/table/detector.ts'
import { collectVerdicts, type Judged, judgeTable, type Suspect } from '../../shared/quality/table/judge.ts'
import { settle } from '../../shared/quality/table/settle.ts'
import { suggestRows } from '../../shared/quality/table/suggest.ts'
import { createTable, type Table, valueAt } from '../../shared/quality/table/table.ts'
import { findRepeated, readTable } from './catalogue-file.ts'
import { Failure } from './failure.ts'
import { createProgress, type Progress } from './progress.ts'
import { readLabels } from './table-labels.ts'

/** Cells and characters of a table that is judged whole. */
const WHOLE_CELLS_MAX = 400_000
const WHOLE_CHARS_MAX = 16 * 2 ** 20
/** Of a larger table: the sample that stands for it, and the block that is judged. */
const SAMPLE_CELLS = 60_000
const BLOCK_CELLS = 120_000
const SAMPLE_CHARS = 3 * 2 ** 20
const BLOCK_CHARS = 6 * 2 ** 20
/** However wide a table is, so many rows are looked at together. */
const ROWS_MIN = 100
const SEED = 1

export type CleanOptions = { labels?: string; out: string; repaired?: string; quiet: boolean }
export type CleanOutcome = {
  rows: number
  columns: number
  labelled: number
  suspects: number
  repairs: number
  /** Suspected cells by column, of columns that have any. */
  byColumn: Record<string, number>
  /** Rules that broke on this table; the others went on. */
  failed: { detector: string; reason: string }[]
  out: string
  seconds: number
}

/** @throws Failure for a file that is no table, or labels that do not belong to it */
export async function cleanFile(file: string, options: CleanOptions): Promise<CleanOutcome> {
  const startedAt = performance.now()
  const progress = createProgress('cleaning', options.quiet)
  const survey = await surveyTable(file, (share) => progress.update(share / 2, 1, 'reading'))
  const labels = options.labels === undefined ? new Map() : await readLabels(options.labels, survey)
  const outcome = {
    rows: survey.rowCount,
    columns: survey.names.length,
    labelled: labels.size,
    suspects: 0,
    repairs: 0,
  }
  const byColumn = new Map<string, number>()
  const failed = new Map<string, string>()
  const out = await openOut(options.out)
  const repaired = options.repaired === undefined ? null : await openOut(options.repaired)
  await out.write(csvLine(['row', 'column', 'value', 'reason', 'confidence', 'repair']))
  await repaired?.write(csvLine(survey.names))
  for await (const rows of partsOf(file, survey, progress)) {
    const part = judgePart(survey, rows, labels)
    for (const { detector, reason } of part.failed) failed.set(detector, reason)
    for (const suspect of part.suspects) {
      const name = survey.names[suspect.column]!
      outcome.suspects++
      if (suspect.repair !== undefined) outcome.repairs++
      byColumn.set(name, (byColumn.get(name) ?? 0) + 1)
      await out.write(suspectLine(name, suspect))
    }
    if (repaired) for (const fields of repairPart(rows, part)) await repaired.write(csvLine(fields))
  }
  await out.end()
  await repaired?.end()
  progress.done(`${outcome.suspects} suspected cells`)
  return {
    ...outcome,
    byColumn: Object.fromEntries(byColumn),
    failed: [...failed].map(([detector, reason]) => ({ detector, reason })),
    out: options.out,
    seconds: Math.round(performance.now() - startedAt) / 1_000,
  }
}

export type SuggestOptions = { count: number; out?: string; quiet: boolean }
export type Suggestion = { rows: number[]; csv: string }

/** Rows for a person to correct in place, as CSV: their number first, then their fields as they are. */
export async function suggestLabels(file: string, options: SuggestOptions): Promise<Suggestion> {
  const progress = createProgress('reading', options.quiet)
  const { names, held } = await surveyTable(file, (share) => progress.update(share, 1))
  const table = createTable(
    names,
    held.map(({ fields }) => fields),
  )
  const chosen = suggestRows(table, collectVerdicts(table, new Map()).verdicts, options.count).map(
    (at) => held[at]!,
  )
  progress.done(`${chosen.length} rows chosen`)
  const lines = chosen.map(({ row, fields }) =>
    csvLine([String(row), ...names.map((_, at) => fields[at] ?? '')]),
  )
  const csv = csvLine(['row', ...names]) + lines.join('')
  if (options.out !== undefined) {
    const out = await openOut(options.out)
    await out.write(csv)
    await out.end()
  }
  return { rows: chosen.map(({ row }) => row), csv }
}

type HeldRow = { row: number; fields: string[] }
export type Survey = {
  names: string[]
  rowCount: number
  /** The whole table, in order; of one that is too large, a random sample of its rows. */
  held: HeldRow[]
  isWhole: boolean
}

async function surveyTable(file: string, report: (share: number) => void): Promise<Survey> {
  const random = createRandom(SEED)
  const survey: Survey = { names: [], rowCount: 0, held: [], isWhole: true }
  let chars = 0
  for await (const { names, fields, bytesRead, bytesTotal } of readTable(file)) {
    if (survey.names.length === 0) {
      survey.names = checkNames(names, file)
      continue
    }
    const entry = { row: survey.rowCount++, fields }
    if (survey.isWhole) {
      survey.held.push(entry)
      chars += charsOf(fields)
      const isWhole = survey.held.length * names.length <= WHOLE_CELLS_MAX && chars <= WHOLE_CHARS_MAX
      if (!isWhole && survey.held.length > ROWS_MIN) shrinkToSample(survey, chars, random)
    } else {
      // Algorithm R, Vitter 1985: each row so far is in the sample with the same probability.
      const at = Math.floor(random() * survey.rowCount)
      if (at < survey.held.length) survey.held[at] = entry
    }
    report(bytesRead / bytesTotal)
  }
  return survey
}

function shrinkToSample(survey: Survey, chars: number, random: Random): void {
  const { held, names } = survey
  const byCells = Math.floor(SAMPLE_CELLS / names.length)
  const byChars = Math.floor((SAMPLE_CHARS / chars) * held.length)
  const size = Math.min(held.length, Math.max(ROWS_MIN, Math.min(byCells, byChars)))
  for (let at = 0; at < size; at++) {
    const other = at + Math.floor(random() * (held.length - at))
    ;[held[at], held[other]] = [held[other]!, held[at]!]
  }
  held.length = size
  survey.isWhole = false
}

/** A column without a name is called by its place. */
function checkNames(names: readonly string[], file: string): string[] {
  const repeated = findRepeated(names)
  if (repeated !== null)
    throw new Failure(
      `"${file}": the header has two columns named "${repeated}"; cells are reported by name.`,
    )
  return names.map((name, at) => (name === '' ? `column ${at + 1}` : name))
}

const charsOf = (fields: readonly string[]): number => fields.reduce((sum, field) => sum + field.length, 0)

/** Rows that are judged together: all of a table that is held whole, else one block after the other. */
async function* partsOf(file: string, survey: Survey, progress: Progress): AsyncGenerator<HeldRow[]> {
  if (survey.isWhole) yield survey.held
  else
    for await (const { rows, share } of blocksOf(file, survey)) {
      progress.update(0.5 + share / 2, 1, 'judging')
      yield rows
    }
}

/** Rows as they come, as many at a time as are judged together. */
async function* blocksOf(
  file: string,
  { names }: Survey,
): AsyncGenerator<{ rows: HeldRow[]; share: number }> {
  const rowsMax = Math.max(ROWS_MIN, Math.floor(BLOCK_CELLS / names.length))
  let rows: HeldRow[] = []
  let [chars, next] = [0, -1]
  let share = 0
  for await (const { fields, bytesRead, bytesTotal } of readTable(file)) {
    if (next++ < 0) continue
    rows.push({ row: next - 1, fields })
    chars += charsOf(fields)
    share = bytesRead / bytesTotal
    if (rows.length < rowsMax && (chars < BLOCK_CHARS || rows.length < ROWS_MIN)) continue
    yield { rows, share }
    ;[rows, chars] = [[], 0]
  }
  if (rows.length > 0) yield { rows, share }
}

type Part = { suspects: Suspect[]; failed: Judged['failed']; table: Table; labels: Labels }

/** The suspects among the rows, by their number in the file; of a large table, the sample is looked at beside them. */
function judgePart(survey: Survey, rows: readonly HeldRow[], labels: Labels): Part {
  const { names, held } = survey
  const isHere = new Set(rows.map(({ row }) => row))
  const all = survey.isWhole ? rows : [...rows, ...held.filter(({ row }) => !isHere.has(row))]
  const table = createTable(
    names,
    all.map(({ fields }) => fields),
  )
  const known = new Map(
    all.flatMap(({ row }, at) => (labels.has(row) ? [[at, labels.get(row)!] as const] : [])),
  )
  const { suspects, failed } = judgeTable(table, known)
  const ragged = rows.flatMap(({ row, fields }) =>
    fields.length > names.length ? [raggedRow(row, names, fields)] : [],
  )
  const found = suspects.flatMap((one) =>
    one.row < rows.length ? [{ ...one, row: rows[one.row]!.row }] : [],
  )
  // Stable: both are in the order of rows.
  return { suspects: [...found, ...ragged].sort((a, b) => a.row - b.row), failed, table, labels: known }
}

/** The rows with all repairs in; one with more fields than columns stays as it is, since nobody knows what is what. */
function repairPart(rows: readonly HeldRow[], { table, labels }: Part): string[][] {
  const settled = settle(table, labels)
  return rows.map(({ fields }, at) =>
    fields.length > table.columns.length ? fields : settled.columns.map((column) => valueAt(column, at)),
  )
}

/** The surplus stands for nothing, so what is before it may stand in the wrong columns too. */
const raggedRow = (row: number, names: readonly string[], fields: readonly string[]): Suspect => ({
  row,
  column: names.length - 1,
  value: fields.slice(names.length - 1).join(','),
  reason: `ragged-row: ${fields.length} fields under ${names.length} columns`,
  confidence: 0.9,
})

const csvField = (field: string): string =>
  /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
const csvLine = (fields: readonly string[]): string => `${fields.map(csvField).join(',')}\n`

/** A repair that leaves the cell blank is two quotes; no repair is nothing at all. */
const suspectLine = (name: string, { row, value, reason, confidence, repair }: Suspect): string => {
  const start = csvLine([String(row), name, value, reason, confidence.toFixed(3)]).slice(0, -1)
  return `${start},${repair === undefined ? '' : repair === '' ? '""' : csvField(repair)}\n`
}

async function openOut(path: string) {
  const stream = createWriteStream(path)
  let failed: Error | null = null
  stream.on('error', (error) => {
    failed = error
  })
  const check = () => {
    if (failed) throw new Failure(`Cannot write "${path}": ${failed.message}.`)
  }
  return {
    async write(text: string) {
      check()
      if (!stream.write(text))
        await new Promise<void>((go) => stream.once('drain', go).once('error', () => go()))
      check()
    },
    async end() {
      stream.end()
      await finished(stream).catch(() => {})
      check()
    },
  }
}

export const renderCleaned = (outcome: CleanOutcome): string => {
  const columns = Object.entries(outcome.byColumn)
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `  ${name}: ${count}`)
  return [
    `${outcome.rows} rows: ${outcome.suspects} suspected cells, ${outcome.repairs} with a repair, in ${outcome.out}.`,
    ...columns,
    ...outcome.failed.map(
      ({ detector, reason }) => `The rule "${detector}" broke and was left out: ${reason}`,
    ),
  ].join('\n')
}
