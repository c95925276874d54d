/** @file Files of a shop as training data: a catalogue, and what people said or did, with the usual column names guessed. */

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Judgment, TrainingItem } from '../../gpu-worker/train/examples.ts'
import { cleanItem } from '../../shared/quality/clean.ts'
import { applyFieldMap, type FieldMap } from '../../shared/quality/field-map.ts'
import { cleanText } from '../../shared/quality/text.ts'
import type { Item } from '../../shared/schema/item.ts'
import { sampleCatalogue } from '../sample/catalogue.ts'
import { readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'
import { readFieldMap } from './import.ts'

type Row = Record<string, unknown>

/** Column names in the order in which they are looked for. */
const COLUMNS = {
  itemId: [
    'item_id',
    'product_id',
    'product_uid',
    'itemid',
    'productid',
    'docid',
    'doc_id',
    'sku',
    'asin',
    'id',
  ],
  title: ['title', 'product_title', 'name', 'product_name', 'item_title'],
  brand: ['brand', 'supplier', 'manufacturer', 'product_brand'],
  category: ['category', 'categories', 'product_category', 'product_type'],
  description: ['description', 'short_description', 'product_description'],
  query: ['query', 'search_term', 'q', 'search_query', 'text', 'term'],
  relevance: ['relevance', 'grade', 'label', 'rating', 'score'],
  pairId: ['id', 'pair_id', 'pairid', 'row_id', 'qid'],
} as const

function guess(row: Row, kind: keyof typeof COLUMNS): string | undefined {
  const names = new Map(Object.keys(row).map((name) => [name.trim().toLowerCase(), name]))
  const found = COLUMNS[kind].find((name) => names.has(name))
  return found && names.get(found)
}

/** The generated shop of `aisle start`, named where a file would be. */
export const SAMPLE = 'sample'

/**
 * Items of one catalogue or several; the first of equal ids stays. Without what training does not look at: prices and
 * attributes are most of a catalogue's memory.
 *
 * @param maps by catalogue, in order; one that is left out is guessed from the column names
 */
export async function readItems(
  catalogs: readonly string[],
  maps: readonly string[] = [],
): Promise<TrainingItem[]> {
  const keep = ({ id, title, brand, category, description }: Item): TrainingItem => ({
    ...{ id, title, brand, category, description },
  })
  const items = new Map<string, TrainingItem>()
  for (const [at, catalog] of catalogs.entries()) {
    const found = catalog === SAMPLE ? cleanSample(keep) : await readCleanItems(catalog, maps[at], keep)
    for (const item of found) if (!items.has(item.id)) items.set(item.id, item)
  }
  return [...items.values()]
}
export const readFullItems = (file: string, mapFile: string | undefined): Promise<Item[]> =>
  file === SAMPLE
    ? Promise.resolve(cleanSample((item) => item))
    : readCleanItems(file, mapFile, (item) => item)

const cleanSample = <T>(keep: (item: Item) => T): T[] =>
  sampleCatalogue().flatMap((row) => {
    const { item } = cleanItem(row)
    return item ? [keep(item)] : []
  })

/** Cleaned as an import would, so that training sees what the encoder will see. Items in quarantine are left out. */
async function readCleanItems<T>(
  file: string,
  mapFile: string | undefined,
  keep: (item: Item) => T,
): Promise<T[]> {
  let map = mapFile === undefined ? undefined : readFieldMap(mapFile)
  const items = new Map<string, T>()
  for await (const { row } of readCatalogue(file)) {
    if ('_unreadable' in row) continue
    map ??= guessMap(row, file)
    const { item } = cleanItem(applyFieldMap(map, row))
    if (item) items.set(item.id, keep(item))
  }
  if (items.size === 0) throw new Failure(`"${file}" has no usable item; see what "aisle import" says of it.`)
  return [...items.values()]
}

function guessMap(row: Row, file: string): FieldMap {
  const id = guess(row, 'itemId')
  const title = guess(row, 'title')
  if (!id || !title)
    throw new Failure(
      `"${file}" has the columns ${Object.keys(row).join(', ')}: which are the id and the title? Say so with --map FILE (see shared/quality/FIELD-MAP.md).`,
    )
  const optional = (['brand', 'category', 'description'] as const).flatMap((field) => {
    const name = guess(row, field)
    return name ? [[field, name] as const] : []
  })
  return { fields: { id, title, ...Object.fromEntries(optional) }, attributes: [] } as FieldMap
}

/** @throws Failure with the line when a relevance is no number */
export async function readJudgments(file: string): Promise<Judgment[]> {
  const judgments: Judgment[] = []
  let columns: { query: string; itemId: string; relevance: string | undefined } | undefined
  let line = 1
  for await (const { row } of readCatalogue(file)) {
    line++
    columns ??= judgmentColumns(row, file)
    const query = String(row[columns.query] ?? '').trim()
    const itemId = String(row[columns.itemId] ?? '').trim()
    const relevance = columns.relevance === undefined ? 1 : Number(row[columns.relevance])
    if (query === '' || itemId === '') continue
    if (!Number.isFinite(relevance) || relevance < 0)
      throw new Failure(
        `"${file}", line ${line}: the relevance "${row[columns.relevance!]}" is not a number of 0 or more.`,
      )
    judgments.push({ query, itemId, relevance })
  }
  if (judgments.length === 0) throw new Failure(`"${file}" has no judgment.`)
  return judgments
}

function judgmentColumns(row: Row, file: string) {
  const query = guess(row, 'query')
  const itemId = guess(row, 'itemId')
  if (!query || !itemId)
    throw new Failure(
      `"${file}" has the columns ${Object.keys(row).join(', ')}: judgments need a query (${COLUMNS.query.slice(0, 2).join(', ')}), an item (${COLUMNS.itemId.slice(0, 3).join(', ')}) and a relevance.`,
    )
  return { query, itemId, relevance: guess(row, 'relevance') }
}

export type JudgedPair = { id: string; query: string; title: string; relevance: number | null }

/**
 * Every pair of a file, in order; its id is the line's number where the file has none. The relevance is there for a
 * comparison, if the file has one.
 *
 * @throws Failure with the line where one cannot be read
 */
export async function readPairs(file: string): Promise<JudgedPair[]> {
  const pairs: JudgedPair[] = []
  let columns: (Record<'query' | 'title', string> & { id?: string; relevance?: string }) | undefined
  for await (const { row } of readCatalogue(file)) {
    if ('_unreadable' in row) throw new Failure(`"${file}": ${row._unreadable}`)
    columns ??= pairColumns(row, file)
    const { id, query, title, relevance } = columns
    const judged = relevance === undefined ? Number.NaN : Number(row[relevance] || Number.NaN)
    pairs.push({
      id: String((id === undefined ? undefined : row[id]) ?? pairs.length + 1),
      query: String(row[query] ?? '').trim(),
      // As a title of the catalogue that the model learnt from.
      title: cleanText(String(row[title] ?? '')),
      relevance: Number.isFinite(judged) ? judged : null,
    })
  }
  if (pairs.length === 0) throw new Failure(`"${file}" has no pair.`)
  return pairs
}

function pairColumns(row: Row, file: string) {
  const query = guess(row, 'query')
  const title = guess(row, 'title')
  if (!query || !title)
    throw new Failure(
      `"${file}" has the columns ${Object.keys(row).join(', ')}: pairs need a query (${COLUMNS.query.slice(0, 2).join(', ')}) and a title (${COLUMNS.title.slice(0, 2).join(', ')}).`,
    )
  const id = guess(row, 'pairId')
  const relevance = guess(row, 'relevance')
  return { query, title, ...(id ? { id } : {}), ...(relevance ? { relevance } : {}) }
}

/** Lines of `basket item item …`, as click logs are often kept: the first word names the basket or the shopper. */
export const readBaskets = (file: string): string[][] =>
  readLines(file).map((line) => line.trim().split(/\s+/).slice(1))

/** A query a line; of lines with tabs the last field. */
export const readQueryTexts = (file: string): string[] =>
  readLines(file).map((line) => line.split('\t').at(-1)!.trim())

function readLines(file: string): string[] {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new Failure(`Cannot read "${file}": ${(error as Error).message}.`)
  }
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  const text = new TextDecoder().decode(isGzip ? gunzipSync(bytes) : bytes)
  return text.split(/\r?\n/).filter((line) => line.trim() !== '')
}
