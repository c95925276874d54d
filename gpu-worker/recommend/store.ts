/**
 * @file A recommender as a folder: `recommender.json` says what it is, `arrays.bin` holds its numbers one after another, little-endian.
 * Reading trusts neither: what is wrong comes as a sentence.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { Trees } from '../../shared/relevance/trees.ts'
import { replaceFiles } from '../replace-files.ts'
import { featureNames } from './lists.ts'
import type { Neighbours } from './neighbours.ts'
import type { Recommender } from './recommender.ts'
import { type OpenSasrec, readSasrec, SasrecFileError, saveSasrec } from './sasrec/files.ts'
import { SourceSettings, usedSources } from './sources.ts'

const MANIFEST_FILE = 'recommender.json'
const ARRAYS_FILE = 'arrays.bin'
const VERSION = 1

const ArrayPlace = z.object({ type: z.enum(['u32', 'f32']), length: z.int().nonnegative() })
const Manifest = z.object({
  format: z.literal('aisle-recommender'),
  version: z.literal(VERSION),
  /** Item ids by number. */
  items: z.array(z.string()),
  sessions: z.boolean(),
  sources: z.array(SourceSettings),
  lists: z.object({ candidates: z.int().positive(), skipSeen: z.boolean() }),
  features: z.array(z.string()),
  trees: Trees,
  /** Whether it has one, in files of its own. */
  transformer: z.boolean(),
  /** In their order in the file. */
  arrays: z.record(z.string(), ArrayPlace),
  sha256: z.string(),
})

export type SavedRecommender = { items: readonly string[]; sessions: boolean; recommender: Recommender }
type Numbers = Uint32Array | Float32Array

export async function writeRecommender(
  directory: string,
  { items, sessions, recommender }: SavedRecommender,
): Promise<void> {
  const { data, facts, tables, transformer, sources, lists, trees } = recommender
  const arrays: Record<string, Numbers> = { counts: facts.counts, ...packSequences(data.sequences) }
  if (facts.labels) {
    arrays['labels/starts'] = facts.labels.starts
    arrays['labels/numbers'] = facts.labels.numbers
    arrays['labels/idf'] = facts.labels.idf
  }
  for (const [name, { starts, items: to, weights }] of Object.entries(tables)) {
    arrays[`table/${name}/starts`] = starts
    arrays[`table/${name}/items`] = to
    arrays[`table/${name}/weights`] = weights
  }
  const bytes = Object.values(arrays).map((one) => new Uint8Array(one.buffer, one.byteOffset, one.byteLength))
  const manifest: z.infer<typeof Manifest> = {
    ...{ format: 'aisle-recommender', version: VERSION, items: [...items], sessions },
    ...{
      sources: [...sources],
      lists,
      features: featureNames(usedSources(sources, recommender), facts.labels !== null),
      trees,
    },
    transformer: transformer !== null,
    arrays: Object.fromEntries(
      Object.entries(arrays).map(([name, one]) => [
        name,
        { type: one instanceof Uint32Array ? ('u32' as const) : ('f32' as const), length: one.length },
      ]),
    ),
    sha256: sha256(bytes),
  }
  await mkdir(directory, { recursive: true })
  if (transformer) await saveSasrec(directory, transformer)
  await replaceFiles([
    { path: join(directory, ARRAYS_FILE), bytes },
    { path: join(directory, MANIFEST_FILE), bytes: new TextEncoder().encode(JSON.stringify(manifest)) },
  ])
}

/** The error is a sentence for a person. */
export async function readRecommender(directory: string): Promise<Result<SavedRecommender, string>> {
  const manifest = await readManifest(join(directory, MANIFEST_FILE))
  if (!manifest.ok) return manifest
  const { items, sessions, sources, lists, features, trees } = manifest.value
  let transformer: OpenSasrec | null = null
  try {
    if (manifest.value.transformer) transformer = await readSasrec(directory)
  } catch (cause) {
    if (cause instanceof SasrecFileError) return err(cause.message)
    throw cause
  }
  const read = await readArrays(join(directory, ARRAYS_FILE), manifest.value)
  if (!read.ok) return read
  const { u32, f32, names } = read.value
  try {
    const tableNames = new Set(names.flatMap((name) => /^table\/(.+)\/starts$/.exec(name)?.slice(1) ?? []))
    const tables = Object.fromEntries(
      [...tableNames].map((name): [string, Neighbours] => [
        name,
        {
          starts: ends(u32(`table/${name}/starts`), items.length, u32(`table/${name}/items`).length),
          items: below(u32(`table/${name}/items`), items.length),
          weights: sized(f32(`table/${name}/weights`), u32(`table/${name}/items`).length),
        },
      ]),
    )
    const labels = names.includes('labels/starts')
      ? {
          starts: ends(u32('labels/starts'), items.length, u32('labels/numbers').length),
          numbers: below(u32('labels/numbers'), f32('labels/idf').length),
          idf: f32('labels/idf'),
        }
      : null
    const events = below(u32('sequences/items'), items.length)
    const starts = ends(u32('sequences/starts'), u32('sequences/starts').length - 1, events.length)
    const sequences = Array.from({ length: starts.length - 1 }, (_, at) =>
      events.subarray(starts[at]!, starts[at + 1]!),
    )
    const recommender: Recommender = {
      data: { itemCount: items.length, sequences },
      facts: { counts: sized(u32('counts'), items.length), labels },
      ...{ tables, transformer, sources, lists, trees },
    }
    const expected = featureNames(usedSources(sources, recommender), labels !== null)
    if (expected.join() !== features.join()) throw new Unusable('its ranker was trained on other features')
    if (trees.trees.some(({ feature }) => feature.some((one) => one >= features.length)))
      throw new Unusable('its ranker asks for features that there are not')
    return ok({ items, sessions, recommender })
  } catch (cause) {
    if (cause instanceof Unusable) return err(`${directory}: ${cause.message}`)
    throw cause
  }
}

class Unusable extends Error {}
const sized = <T extends Numbers>(array: T, length: number): T => {
  if (array.length !== length) throw new Unusable('its arrays do not fit together')
  return array
}
/** Offsets of `rows` rows into `entries` entries. */
function ends(starts: Uint32Array, rows: number, entries: number): Uint32Array {
  if (starts.length !== rows + 1 || starts[0] !== 0 || starts[rows] !== entries)
    throw new Unusable('its arrays do not fit together')
  for (let row = 0; row < rows; row++)
    if (starts[row]! > starts[row + 1]!) throw new Unusable('its arrays do not fit together')
  return starts
}
function below(numbers: Uint32Array, limit: number): Uint32Array {
  for (const one of numbers) if (one >= limit) throw new Unusable('it names items that it does not have')
  return numbers
}

function packSequences(sequences: readonly Uint32Array[]): Record<string, Numbers> {
  const starts = new Uint32Array(sequences.length + 1)
  sequences.forEach(({ length }, at) => {
    starts[at + 1] = starts[at]! + length
  })
  const items = new Uint32Array(starts.at(-1)!)
  sequences.forEach((one, at) => {
    items.set(one, starts[at])
  })
  return { 'sequences/starts': starts, 'sequences/items': items }
}

async function readManifest(path: string): Promise<Result<z.infer<typeof Manifest>, string>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    return err(`${path} is not there: train a model with "aisle recommend-train"`)
  }
  try {
    const parsed = Manifest.safeParse(JSON.parse(text))
    if (parsed.success) return ok(parsed.data)
    const issue = parsed.error.issues[0]!
    return err(`${path}: ${issue.path.join('.')}: ${issue.message}`)
  } catch {
    return err(`${path} is not JSON`)
  }
}

type Arrays = { names: string[]; u32(name: string): Uint32Array; f32(name: string): Float32Array }

async function readArrays(
  path: string,
  { arrays, sha256: expected }: z.infer<typeof Manifest>,
): Promise<Result<Arrays, string>> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch {
    return err(`${path} is not there`)
  }
  const length = Object.values(arrays).reduce((sum, one) => sum + 4 * one.length, 0)
  if (bytes.length !== length || sha256([bytes]) !== expected) return err(`${path} is damaged`)
  // A file's buffer may begin anywhere in a pool; arrays of four bytes may not.
  const buffer = bytes.byteOffset % 4 === 0 ? bytes.buffer : Uint8Array.from(bytes).buffer
  let offset = buffer === bytes.buffer ? bytes.byteOffset : 0
  const views = new Map<string, Numbers>()
  for (const [name, { type, length: count }] of Object.entries(arrays)) {
    views.set(
      name,
      type === 'u32' ? new Uint32Array(buffer, offset, count) : new Float32Array(buffer, offset, count),
    )
    offset += 4 * count
  }
  const get = <T extends Numbers>(name: string, type: new () => T): T => {
    const view = views.get(name)
    if (!(view instanceof type)) throw new Unusable(`it has no ${name}`)
    return view
  }
  return ok({
    names: [...views.keys()],
    u32: (name) => get(name, Uint32Array),
    f32: (name) => get(name, Float32Array),
  })
}

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
