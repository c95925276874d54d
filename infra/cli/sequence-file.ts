/** @file Files of what shoppers did, and of the items that they did it with. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Failure } from './failure.ts'

/** A line of a file: who, and their items, oldest first. */
export type SequenceLine = { user: string; items: string[] }
/** What a catalogue says of an item. */
export type ItemRow = { id: string; title: string; labels: string[] }

const GZIP = [0x1f, 0x8b]

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new Failure(`${path} cannot be read: ${(cause as Error).message}.`)
  }
  try {
    return (GZIP.every((byte, at) => bytes[at] === byte) ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (cause) {
    throw new Failure(`${path} cannot be unpacked: ${(cause as Error).message}.`)
  }
}

/**
 * Lines of `user item item …`, or of items alone, whose user is then the number of the line, from 1. Empty lines are left out.
 *
 * @throws Failure when no line has an item
 */
export function readSequences(path: string, { sessions }: { sessions: boolean }): SequenceLine[] {
  const lines = readText(path)
    .replace(/^\uFEFF/, '')
    .split('\n')
  const read = lines.flatMap((line, at) => {
    const [first, ...rest] = line.split(/\s+/).filter((word) => word !== '')
    if (first === undefined) return []
    return [sessions ? { user: String(at + 1), items: [first, ...rest] } : { user: first, items: rest }]
  })
  if (!read.some(({ items }) => items.length > 0))
    throw new Failure(
      `${path} has no events: each line is ${sessions ? 'the items of a session' : 'a user and their items'}, oldest first.`,
    )
  return read
}

/** Lines of `user item`: what came next, by user; of several lines of a user the last one counts. */
export const readTargets = (path: string): Map<string, string> =>
  new Map(
    readText(path)
      .split('\n')
      .map((line) => line.split(/\s+/).filter((word) => word !== ''))
      .flatMap(([user, item]) => (user !== undefined && item !== undefined ? [[user, item] as const] : [])),
  )

const ID_NAMES = ['item_id', 'product_id', 'itemid', 'sku', 'id']
const TITLE_NAMES = ['title', 'name', 'product_name', 'product_title']
const LABEL_NAMES = ['brand', 'supplier', 'manufacturer', 'category', 'categories', 'brand_and_categories']

/**
 * A table with tabs, its columns told by their names; labels may be several, parted by `|`, from wide to narrow.
 *
 * @throws Failure when there is no column of ids, or none that says anything of an item
 */
export function readItemRows(path: string): ItemRow[] {
  const [header, ...lines] = readText(path)
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
  const columns = header!.split('\t').map((name) => name.trim().toLowerCase())
  const find = (names: readonly string[]) => columns.findIndex((name) => names.includes(name))
  const [id, title] = [find(ID_NAMES), find(TITLE_NAMES)]
  const labels = [...columns.keys()].filter((at) => LABEL_NAMES.includes(columns[at]!))
  if (id < 0) throw new Failure(`${path} has no column of item ids (${ID_NAMES.join(', ')}).`)
  if (title < 0 && labels.length === 0)
    throw new Failure(
      `${path} says nothing of the items: it needs ${TITLE_NAMES[0]} or ${LABEL_NAMES.join(', ')}.`,
    )
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const cells = line.split('\t')
      return {
        id: (cells[id] ?? '').trim(),
        title: (title < 0 ? '' : (cells[title] ?? '')).trim(),
        labels: labels.flatMap((at) =>
          (cells[at] ?? '')
            .split('|')
            .map((label) => label.trim())
            .filter((label) => label !== ''),
        ),
      }
    })
    .filter((row) => row.id !== '')
}
