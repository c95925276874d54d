/** @file Files that the matcher reads: tables of records, pairs of records written out (Ditto), and pairs of ids. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { type MatchRecord, parseSerialised } from '../../shared/quality/match/record.ts'
import { readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'

export type MatchTable = {
  records: MatchRecord[]
  idColumn: string
  /** Rows that could not be read, or had no id. */
  skipped: number
}

/**
 * A table of at least one record. An id that comes again is kept once, with the first row.
 *
 * @param idColumn null: the one that looks like it
 */
export async function readTable(path: string, idColumn: string | null): Promise<MatchTable> {
  const rows: Record<string, string>[] = []
  let skipped = 0
  for await (const { row } of readCatalogue(path)) {
    if ('_unreadable' in row) skipped++
    else rows.push(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])))
  }
  if (rows.length === 0) throw new Failure(`"${path}" has no row that can be read.`)
  const id = idColumn ?? guessId(rows, path)
  if (!rows.some((row) => (row[id] ?? '') !== ''))
    throw new Failure(`"${path}" has no column "${id}" with ids.`)
  const records = new Map<string, MatchRecord>()
  for (const { [id]: own = '', ...values } of rows) {
    if (own === '' || records.has(own)) skipped++
    else records.set(own, { id: own, values: new Map(Object.entries(values)) })
  }
  return { records: [...records.values()], idColumn: id, skipped }
}

const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : value == null
      ? ''
      : Array.isArray(value)
        ? value.join(' ')
        : String(value)

/** A column called id, else one whose name ends so, else the first; its values are there and differ. */
function guessId(rows: readonly Record<string, string>[], path: string): string {
  const names = Object.keys(rows[0]!)
  const isId = (name: string) => {
    const values = rows.map((row) => row[name] ?? '')
    return values.every((value) => value !== '') && new Set(values).size === rows.length
  }
  const found =
    names.find((name) => /^id$/i.test(name)) ??
    names.find((name) => /id$/i.test(name) && isId(name)) ??
    names.find((name, at) => at === 0 && isId(name))
  if (found === undefined)
    throw new Failure(
      `"${path}" has the columns ${names.slice(0, 10).join(', ')}: which is the id? Say so with --id NAME.`,
    )
  return found
}

export type LabelledIds = { left: string; right: string; label: 0 | 1 }

/**
 * Pairs of ids with a label, or without one: all of them are matches then. The columns are told by the ids in them.
 *
 * @param isLeft, isRight whether a table has the id
 */
export async function readPairsOfIds(
  path: string,
  isLeft: (id: string) => boolean,
  isRight: (id: string) => boolean,
): Promise<LabelledIds[]> {
  const rows: Record<string, string>[] = []
  for await (const { row } of readCatalogue(path))
    if (!('_unreadable' in row))
      rows.push(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)])))
  const names = Object.keys(rows[0] ?? {})
  const count = (name: string, isKnown: (id: string) => boolean) =>
    rows.reduce((sum, row) => sum + (isKnown(row[name] ?? '') ? 1 : 0), 0)
  const columns = names.flatMap((left, i) =>
    names.flatMap((right, j) =>
      i === j
        ? []
        : [{ left, right, met: Math.min(count(left, isLeft), count(right, isRight)), isInOrder: i < j }],
    ),
  )
  const [best] = columns.sort((a, b) => b.met - a.met || Number(b.isInOrder) - Number(a.isInOrder))
  if (!best || best.met === 0)
    throw new Failure(`"${path}" has no two columns with ids of the tables: expected a pair of ids a row.`)
  const labelName = names.find(
    (name) =>
      name !== best.left && name !== best.right && /^(label|match|is_?match|is_?duplicate|gold)$/i.test(name),
  )
  return rows.map((row, at) => ({
    left: row[best.left] ?? '',
    right: row[best.right] ?? '',
    label: labelName === undefined ? 1 : labelOf(row[labelName] ?? '', path, at + 2),
  }))
}

function labelOf(text: string, path: string, line: number): 0 | 1 {
  const label = text.trim()
  if (label !== '0' && label !== '1')
    throw new Failure(`"${path}", line ${line}: the label "${label.slice(0, 40)}" is not 0 or 1.`)
  return label === '1' ? 1 : 0
}

export type WrittenPair = { left: string; right: string; label: 0 | 1 | null }

/** Characters of a line that are read. */
const LINE_CHARS_MAX = 4_000_000

/**
 * Lines of `left <TAB> right <TAB> label`, plain or gzip.
 *
 * @param withLabels false: a third field is not looked at, and need not be there
 * @throws Failure with the line that is broken
 */
export async function readWrittenPairs(path: string, withLabels: boolean): Promise<WrittenPair[]> {
  const pairs: WrittenPair[] = []
  let line = 0
  for await (const text of readLines(path)) {
    line++
    if (text.trim() === '') continue
    const [left, right, label] = text.slice(0, LINE_CHARS_MAX).split('\t')
    if (right === undefined)
      throw new Failure(`"${path}", line ${line}: expected two records and a label, with tabs between them.`)
    if (withLabels && label === undefined) throw new Failure(`"${path}", line ${line}: the label is missing.`)
    pairs.push({ left: left!, right, label: withLabels ? labelOf(label!, path, line) : null })
  }
  if (pairs.length === 0) throw new Failure(`"${path}" has no pair.`)
  return pairs
}

async function* readLines(path: string): AsyncGenerator<string> {
  try {
    const isGzip = await hasGzipMark(path)
    const file = createReadStream(path)
    const input = isGzip ? file.on('error', () => {}).pipe(createGunzip()) : file
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield line
  } catch (error) {
    throw new Failure(`Cannot read "${path}": ${(error as Error).message}.`)
  }
}

async function hasGzipMark(path: string): Promise<boolean> {
  await using file = await open(path)
  const mark = new Uint8Array(2)
  await file.read(mark, 0, 2, 0)
  return mark[0] === 0x1f && mark[1] === 0x8b
}

/** Each record once, by its text, with its place. */
export function collectRecords(texts: Iterable<string>): {
  records: MatchRecord[]
  placeOf: Map<string, number>
} {
  const placeOf = new Map<string, number>()
  const records: MatchRecord[] = []
  for (const text of texts) {
    if (placeOf.has(text)) continue
    placeOf.set(text, records.length)
    records.push(parseSerialised(text, String(records.length)))
  }
  return { records, placeOf }
}
