/**
 * @file The shop that lexical searches are measured on: as an index, and as libraries take it. Building takes far longer than
 * measuring, so what is built is kept in `.cache/bench`, under a name that changes with the code and the data that it comes from.
 */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import { fixtureManifest, fixtureRef } from '../../shared/retrieval/fixture.ts'
import { buildIndex, type Index } from '../../shared/retrieval/load-index.ts'
import type { Item } from '../../shared/schema/item.ts'
import { contentOf, type SegmentContent } from '../../shared/segment/content.ts'
import { decodeSegment } from '../../shared/segment/decode.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import { encodeSegmentV1 } from '../fixtures/segment-v1.ts'
import { readShop, type ShopFile, shopFile, tileShop } from '../fixtures/tiled-shop.ts'

const ROOT = join(import.meta.dirname, '../..')
/** What the files are made by. */
const MAKERS = [
  'shared/text',
  'shared/segment/content.ts',
  'shared/segment/encode.ts',
  'shared/segment/postings.ts',
  'test/fixtures/segment-v1.ts',
  'test/fixtures/tiled-shop.ts',
]
const SEED = 17
const DIM = 4

export type BenchShop = {
  name: string
  index: Index
  /** The same with plain lists: the first version of the format. */
  plainIndex(): Promise<Index>
  items(): Promise<Item[]>
  /** Keeps what is slow to make of the items; on the next run it is read. */
  kept(name: string, make: () => Promise<string>): Promise<string>
  bytes: { itemsFile: number; termsFile: number; terms: number }
}

/** @param isKept false for sizes that take no time */
export async function openShop(
  size: { items: number; source: 'real' | 'sample' },
  isKept: boolean,
): Promise<BenchShop> {
  const file = shopFile(size.source)
  const items = once(async () => {
    say(`reads ${file.name}`)
    return tileShop(await readShop(file), size.items, createRandom(SEED))
  })
  const content = once(async () => analyseItems(await items()))
  const folder = isKept
    ? join(ROOT, '.cache/bench', `lexical-${size.items}-${keyOf(file, MAKERS, [SEED, DIM])}`)
    : null
  const kept = (name: string, make: () => Promise<string | Uint8Array>) => keep(folder, name, make)
  const packed = once(async () => encodeSegment(await content()))
  const plain = once(async () => encodeSegmentV1(await content()))
  const itemsFile = await kept('items.arrow', async () => (await packed()).items)
  const termsFile = await kept('terms.arrow', async () => (await packed()).terms)
  const index = decode(itemsFile, termsFile, size.items)
  return {
    ...{ name: file.name, index, items },
    async plainIndex() {
      const plainTerms = await kept('plain-terms.arrow', async () => (await plain()).terms)
      return decode(itemsFile, plainTerms, size.items)
    },
    kept: async (name, make) => new TextDecoder().decode(await kept(name, make)),
    bytes: {
      itemsFile: itemsFile.length,
      termsFile: termsFile.length,
      terms: index.segments[0]!.segment.terms.count,
    },
  }
}

/** One line a stage on stderr, so that nobody waits before a still screen. */
export const say = (text: string): void => {
  if (!process.env['VITEST']) console.error(`${process.uptime().toFixed(0).padStart(4)} s  ${text}`)
}

function analyseItems(items: readonly Item[]): SegmentContent {
  say(`analyses ${items.length} items`)
  const rows = items.map((item, at) => ({
    row: { number: at + 1, version: 1, contentHash: '0'.repeat(32), duplicateOf: null, item },
    vector: null,
  }))
  return contentOf(rows, DIM)
}

function decode(items: Uint8Array, terms: Uint8Array, rows: number): Index {
  const segment = decodeSegment({ items, terms }, fixtureRef('bench', rows))
  assert(segment.ok, segment.ok ? '' : segment.error.reason)
  return buildIndex(fixtureManifest([segment.value.ref]), [segment.value])
}

/** What was made before, else what is made now, written where it will be found. `folder` null keeps nothing. */
export async function keep(
  folder: string | null,
  name: string,
  make: () => Promise<string | Uint8Array>,
): Promise<Uint8Array> {
  const encode = (made: string | Uint8Array) =>
    typeof made === 'string' ? new TextEncoder().encode(made) : made
  if (folder === null) return encode(await make())
  const path = join(folder, name)
  // Copied, because the columns need the alignment of a buffer of their own.
  if (existsSync(path)) return new Uint8Array(readFileSync(path))
  const made = encode(await make())
  say(`writes ${name}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${path}.part`, made)
  renameSync(`${path}.part`, path)
  return made
}

/**
 * Changes with the file, the code, and what else is said.
 *
 * @param makers sources from the project's root, or folders of them
 */
export function keyOf(
  { path }: ShopFile,
  makers: readonly string[],
  also: readonly (number | string)[],
): string {
  const { size, mtimeMs } = existsSync(path) ? statSync(path) : NO_FILE
  const hash = createHash('sha256').update(`${path} ${size} ${mtimeMs} ${also.join(' ')}`)
  for (const maker of makers) for (const file of filesOf(maker)) hash.update(readFileSync(join(ROOT, file)))
  return hash.digest('hex').slice(0, 12)
}
/** Of the sample shop, which code makes. */
const NO_FILE = { size: 0, mtimeMs: 0 }

const filesOf = (path: string): string[] =>
  path.endsWith('.ts')
    ? [path]
    : readdirSync(join(ROOT, path))
        .filter((name) => name.endsWith('.ts') && !name.includes('.test.'))
        .sort()
        .map((name) => `${path}/${name}`)

export function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
