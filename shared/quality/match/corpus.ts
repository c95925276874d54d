/**
 * @file Records read side by side: how rare each word is among all of them, what each column holds, and which column of one
 * table answers to which of the other. Columns are told by what is in them; a name only helps.
 */
import { foldText } from '../../text/normalise.ts'
import { type Measure, readNumber, readText } from './read-text.ts'
import { COLUMNS_MAX, type MatchRecord } from './record.ts'

/** A text of a record, read. */
export type TextSide = {
  text: string
  squashed: string
  /** Distinct word numbers, rising; those in order of their first place. */
  words: Uint32Array
  order: Uint32Array
  codes: readonly string[]
  measures: readonly Measure[]
  /** Distinct trigrams of the squashed text, as numbers, rising. */
  trigrams: Uint32Array
  /** √Σ idf² of the words. */
  norm: number
  trigramNorm: number
}

export type RecordSide = {
  id: string
  /** By column; null where the record has no value there. */
  texts: readonly (TextSide | null)[]
  numbers: readonly (number | null)[]
  /** What the record is called. */
  title: TextSide
  /** All that is said in words. */
  whole: TextSide
  /** Amounts of money, as the number columns have them or, where these are empty, as the words name them. */
  amounts: readonly number[]
}

export type Column = { name: string; kind: 'text' | 'number'; isTitle: boolean }
export type TableSide = { columns: readonly Column[]; records: readonly RecordSide[] }

export type Corpus = {
  left: TableSide
  right: TableSide
  /** Places of columns that answer to each other; each column is in one pair at most. */
  aligned: readonly { left: number; right: number; kind: Column['kind'] }[]
  words: readonly string[]
  idf: Float64Array
  /** By trigram number. */
  trigramIdf: Float64Array
  /** Share of records that have a code, by code. */
  codeCounts: ReadonlyMap<string, number>
  size: number
}

const TRIGRAM_BITS = 17
const TRIGRAMS = 1 << TRIGRAM_BITS
const NUMBER_SHARE_MIN = 0.8
const DECIMAL_SHARE_MIN = 0.2
const AMOUNT = /(?<![\d.])\d{1,6}\.\d{2}(?![\d.])/g

export function readCorpus(left: readonly MatchRecord[], right: readonly MatchRecord[]): Corpus {
  const words = createNumbering()
  const tables = (left === right ? [left] : [left, right]).map((records) => readTable(records, words))
  const [leftTable, rightTable] = [tables[0]!, tables.at(-1)!]
  const size = tables.reduce((sum, { records }) => sum + records.length, 0)
  const idf = inverseFrequency(
    tables.flatMap(({ records }) => records.map(({ whole }) => whole.words)),
    words.texts.length,
    size,
  )
  const trigramIdf = inverseFrequency(
    tables.flatMap(({ records }) => records.map(({ whole }) => whole.trigrams)),
    TRIGRAMS,
    size,
  )
  const codeCounts = new Map<string, number>()
  for (const { records } of tables)
    for (const { whole } of records)
      for (const code of whole.codes) codeCounts.set(code, (codeCounts.get(code) ?? 0) + 1)
  for (const { records } of tables)
    for (const { texts, title, whole } of records)
      for (const text of new Set([...texts, title, whole])) {
        if (!text) continue
        text.norm = lengthOf(text.words, idf)
        text.trigramNorm = lengthOf(text.trigrams, trigramIdf)
      }
  const aligned = alignColumns(leftTable, rightTable, idf)
  return {
    left: leftTable,
    right: rightTable,
    aligned,
    words: words.texts,
    idf,
    trigramIdf,
    codeCounts,
    size,
  }
}

type Numbering = { numberOf(text: string): number; texts: string[] }
function createNumbering(): Numbering {
  const numbers = new Map<string, number>()
  const texts: string[] = []
  return {
    texts,
    numberOf(text) {
      const known = numbers.get(text)
      if (known !== undefined) return known
      numbers.set(text, texts.length)
      return texts.push(text) - 1
    },
  }
}

function readTable(records: readonly MatchRecord[], words: Numbering): TableSide {
  const names = fullestColumns(records)
  const values = names.map((name) => records.map(({ values }) => (values.get(name) ?? '').trim()))
  const kinds = values.map(kindOf)
  const title = titleColumn(values, kinds)
  const columns = names.map((name, at): Column => ({ name, kind: kinds[at]!.kind, isTitle: at === title }))
  return {
    columns,
    records: records.map(({ id }, row) => {
      const own = values.map((column) => column[row]!)
      const texts = own.map((value, at) =>
        kinds[at]!.kind === 'text' && value !== '' ? readSide(value, words) : null,
      )
      const numbers = own.map((value, at) => (kinds[at]!.kind === 'number' ? readNumber(value) : null))
      const whole = readSide(own.filter((_, at) => kinds[at]!.isWords).join(' '), words)
      const money = numbers.filter((number, at): number is number => number !== null && !kinds[at]!.isWords)
      return {
        id,
        texts,
        numbers,
        whole,
        title: texts[title] ?? texts.find((text) => text !== null) ?? whole,
        amounts:
          money.length > 0 ? money : [...whole.text.matchAll(AMOUNT)].map(([amount]) => Number(amount)),
      }
    }),
  }
}

/** In the order of the table. */
function fullestColumns(records: readonly MatchRecord[]): string[] {
  const filled = new Map<string, number>()
  for (const { values } of records)
    for (const [name, value] of values)
      filled.set(name, (filled.get(name) ?? 0) + (value.trim() === '' ? 0 : 1))
  const kept = [...filled].sort(([, a], [, b]) => b - a).slice(0, COLUMNS_MAX)
  const names = new Set(kept.map(([name]) => name))
  return [...filled.keys()].filter((name) => names.has(name))
}

type Kind = {
  kind: Column['kind']
  /** Whether its values are words of the record: amounts are not, numbers that name things are. */
  isWords: boolean
}
function kindOf(values: readonly string[]): Kind {
  const filled = values.filter((value) => value !== '')
  const numbers = filled.filter((value) => readNumber(value) !== null)
  if (filled.length === 0 || numbers.length < NUMBER_SHARE_MIN * filled.length)
    return { kind: 'text', isWords: true }
  const decimals = numbers.filter((value) => /[.,]\d{1,2}(?!\d)/.test(value))
  return { kind: 'number', isWords: decimals.length < DECIMAL_SHARE_MIN * numbers.length }
}

/**
 * The column that names the record: nearly all have it, hardly two have the same, and it is the shortest such text of two
 * words or more. Where there is none, the one with the most different values.
 */
function titleColumn(values: readonly (readonly string[])[], kinds: readonly Kind[]): number {
  const judged = values.map((column, at) => {
    const filled = column.filter((value) => value !== '')
    const words =
      filled.reduce((sum, value) => sum + value.split(/\s+/).length, 0) / Math.max(1, filled.length)
    const distinct = new Set(filled).size
    const isName =
      kinds[at]!.kind === 'text' &&
      filled.length >= 0.7 * column.length &&
      distinct >= 0.5 * filled.length &&
      words >= 2
    return { at, words, distinct, isName }
  })
  const names = judged.filter(({ isName }) => isName).sort((a, b) => a.words - b.words)
  const texts = judged.filter(({ at }) => kinds[at]!.kind === 'text').sort((a, b) => b.distinct - a.distinct)
  return (names[0] ?? texts[0])?.at ?? -1
}

function readSide(value: string, words: Numbering): TextSide {
  const { words: said, codes, measures, squashed } = readText(value)
  const order = Uint32Array.from(new Set(said.map((word) => words.numberOf(word))))
  return {
    text: foldText(value),
    squashed,
    words: order.slice().sort(),
    order,
    codes,
    measures,
    trigrams: trigramsOf(squashed),
    norm: 0,
    trigramNorm: 0,
  }
}

function trigramsOf(text: string): Uint32Array {
  const found = new Set<number>()
  for (let at = 0; at + 3 <= text.length; at++) {
    const code = (text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2)) >>> 0
    found.add(Math.imul(code, 0x9e3779b1) >>> (32 - TRIGRAM_BITS))
  }
  return Uint32Array.from(found).sort()
}

/** ln(1 + N / df). */
function inverseFrequency(lists: readonly Uint32Array[], numbers: number, size: number): Float64Array {
  const counts = new Float64Array(numbers)
  for (const list of lists) for (const number of list) counts[number]!++
  return counts.map((count) => Math.log(1 + size / Math.max(1, count)))
}

const lengthOf = (list: Uint32Array, idf: Float64Array): number =>
  Math.sqrt(list.reduce((sum, number) => sum + idf[number]! ** 2, 0))

/** Greedy: the likest two columns of one kind first. */
function alignColumns(left: TableSide, right: TableSide, idf: Float64Array): Corpus['aligned'] {
  const [leftProfiles, rightProfiles] = [left, right].map((table) =>
    table.columns.map((_, column) => profileOf(table, column, idf)),
  )
  const options = left.columns.flatMap((a, i) =>
    right.columns.flatMap((b, j) => {
      if (a.kind !== b.kind) return []
      const sameName = foldText(a.name) === foldText(b.name) ? 1 : 0
      const sameRole = a.isTitle && b.isTitle ? 1 : 0
      const content =
        a.kind === 'text'
          ? profileCosine(leftProfiles![i]!, rightProfiles![j]!)
          : scaleLikeness(left, i, right, j)
      return [{ left: i, right: j, kind: a.kind, likeness: content + sameName + sameRole }]
    }),
  )
  const aligned: { left: number; right: number; kind: Column['kind'] }[] = []
  for (const { left: i, right: j, kind, likeness } of options.sort((a, b) => b.likeness - a.likeness))
    if (likeness >= ALIGNED_MIN && !aligned.some((one) => one.left === i || one.right === j))
      aligned.push({ left: i, right: j, kind })
  return aligned.sort((a, b) => a.left - b.left)
}
const ALIGNED_MIN = 0.1

function profileOf({ records }: TableSide, column: number, idf: Float64Array): Map<number, number> {
  const profile = new Map<number, number>()
  for (const { texts } of records)
    for (const word of texts[column]?.words ?? []) profile.set(word, (profile.get(word) ?? 0) + 1)
  for (const [word, count] of profile) profile.set(word, Math.log1p(count) * idf[word]!)
  return profile
}

function profileCosine(a: Map<number, number>, b: Map<number, number>): number {
  const dot = (x: Map<number, number>, y: Map<number, number>) => {
    let sum = 0
    for (const [word, weight] of x) sum += weight * (y.get(word) ?? 0)
    return sum
  }
  return dot(a, b) / Math.sqrt(Math.max(1e-9, dot(a, a) * dot(b, b)))
}

/** 1 where the medians of two number columns are equal, 0.5 where one is e² times the other. */
function scaleLikeness(left: TableSide, i: number, right: TableSide, j: number): number {
  const medianLog = ({ records }: TableSide, column: number) => {
    const logs = records.flatMap(({ numbers }) =>
      numbers[column] === null ? [] : [Math.log1p(Math.abs(numbers[column]!))],
    )
    return logs.sort((a, b) => a - b)[logs.length >> 1] ?? 0
  }
  return 1 / (1 + Math.abs(medianLog(left, i) - medianLog(right, j)) / 2)
}
