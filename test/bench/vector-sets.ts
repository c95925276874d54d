/**
 * @file Vectors that searches are measured on: Icecat titles by the shipped model, repeated with seeded noise up to the size and
 * asked with words of titles, where `AISLE_DATA` (default ../shared/data) has them; and a synthetic mixture of Gaussians.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { readCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { readCatalogue } from '../../infra/cli/catalogue-file.ts'
import { createRandom, gaussian, type Random } from '../../shared/lib/random.ts'
import { applyFieldMap, FieldMap } from '../../shared/quality/field-map.ts'
import { Item, itemText } from '../../shared/schema/item.ts'
import type { VectorRows } from '../../shared/vector/engine.ts'
import { BIAS, quantiseItem } from '../../shared/vector/quantise.ts'

export const SEED = 5
export const DIM = 256
export const LIMIT = 100
const ICECAT = join(process.env['AISLE_DATA'] ?? '../shared/data', 'icecat/products.ndjson.gz')
const MODEL = 'gpu-worker/shipped-model'
const CACHE = '.cache/bench'
/** Of a repeated vector, relative to its length. */
export const TILE_NOISE = 0.3
/** Rows of a cluster of the mixture, and their spread relative to the centre's length. */
const CLUSTER_ROWS = 200
const CLUSTER_SPREAD = 0.8

/** `source` none: the mixture alone, which needs no data and no model. */
export type SetSizes = { items: number; queries: number; source: 'real' | 'none' }
/** Unit vectors f32[count, DIM] and queries. */
export type VectorSet = { name: string; vectors: Float32Array; queries: Float32Array[] }

export async function vectorSets(sizes: SetSizes): Promise<VectorSet[]> {
  const isReal = sizes.source === 'real' && existsSync(ICECAT)
  return [...(isReal ? [await icecat(sizes)] : []), mixture(sizes)]
}

export function quantise(vectors: Float32Array): VectorRows {
  const count = vectors.length / DIM
  const codes = new Uint8Array(vectors.length).fill(BIAS)
  const scales = new Float32Array(count)
  for (let row = 0; row < count; row++) {
    const item = quantiseItem(vectors.subarray(row * DIM, (row + 1) * DIM))
    codes.set(item.codes, row * DIM)
    scales[row] = item.scale
  }
  return { dim: DIM, codes, scales, numbers: Uint32Array.from({ length: count }, (_, row) => row + 1) }
}

/** Rows of the largest products, in full precision. */
export function nearest(vectors: Float32Array, query: Float32Array): Set<number> {
  const scores = new Float32Array(vectors.length / DIM)
  for (let row = 0, at = 0; row < scores.length; row++)
    for (let i = 0; i < DIM; i++, at++) scores[row]! += vectors[at]! * query[i]!
  const bound = scores.toSorted().at(-LIMIT) ?? Number.NEGATIVE_INFINITY
  return new Set([...scores.keys()].filter((row) => scores[row]! >= bound))
}

/** target ← source + noise, of unit length. */
export function writeNoisy(target: Float32Array, source: Float32Array, noise: number, random: Random): void {
  let squares = 0
  for (let i = 0; i < DIM; i++) {
    target[i] = source[i]! + (noise * gaussian(random)) / Math.sqrt(DIM)
    squares += target[i]! ** 2
  }
  const norm = Math.sqrt(squares)
  for (let i = 0; i < DIM; i++) target[i]! /= norm
}

function mixture({ items, queries }: SetSizes): VectorSet {
  const random = createRandom(SEED)
  const clusters = Math.max(1, Math.round(items / CLUSTER_ROWS))
  const centres = Array.from({ length: clusters }, () => {
    const centre = new Float32Array(DIM)
    writeNoisy(centre, new Float32Array(DIM), 1, random)
    return centre
  })
  const near = (target: Float32Array) =>
    writeNoisy(target, centres[Math.floor(random() * clusters)]!, CLUSTER_SPREAD, random)
  const vectors = new Float32Array(items * DIM)
  for (let row = 0; row < items; row++) near(vectors.subarray(row * DIM, (row + 1) * DIM))
  const asked = Array.from({ length: queries }, () => {
    const query = new Float32Array(DIM)
    near(query)
    return query
  })
  return { name: `mixture of ${clusters} Gaussians`, vectors, queries: asked }
}

async function icecat({ items, queries }: SetSizes): Promise<VectorSet> {
  const random = createRandom(SEED)
  const { vectors: own, asked } = await encodeIcecat(queries)
  const count = own.length / DIM
  const vectors = new Float32Array(items * DIM)
  for (let row = 0; row < items; row++) {
    const source = own.subarray((row % count) * DIM, ((row % count) + 1) * DIM)
    writeNoisy(vectors.subarray(row * DIM, (row + 1) * DIM), source, row < count ? 0 : TILE_NOISE, random)
  }
  return { name: `Icecat by the shipped model, ${count} products repeated`, vectors, queries: asked }
}

/** Item vectors and query vectors; kept, because encoding them takes a minute. */
async function encodeIcecat(queries: number): Promise<{ vectors: Float32Array; asked: Float32Array[] }> {
  const file = join(CACHE, `icecat-${queries}.f32`)
  if (!existsSync(file)) {
    const random = createRandom(SEED)
    const fields = FieldMap.parse(JSON.parse(readFileSync('test/fixtures/icecat.map.json', 'utf8')))
    const items: Item[] = []
    for await (const { row } of readCatalogue(ICECAT)) {
      const item = Item.safeParse(applyFieldMap(fields, row))
      if (item.success) items.push(item.data)
    }
    const checkpoint = await readCheckpoint(MODEL)
    if (!checkpoint.ok) throw new Error(JSON.stringify(checkpoint.error))
    const encoder = await createEncoder({ checkpoint: checkpoint.value, precision: 'int8', threads: 2 })
    const texts = Array.from({ length: queries }, () => {
      const words = items[Math.floor(random() * items.length)]!.title.split(/\s+/)
      return words.slice(0, 1 + Math.floor(random() * 3)).join(' ')
    })
    const all = await encoder.encode([...texts, ...items.map(itemText)])
    await encoder.close()
    mkdirSync(CACHE, { recursive: true })
    writeFileSync(file, new Uint8Array(Float32Array.from(all.flatMap((vector) => [...vector])).buffer))
  }
  const bytes = readFileSync(file)
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  const asked = Array.from({ length: queries }, (_, i) => values.slice(i * DIM, (i + 1) * DIM))
  return { vectors: values.subarray(queries * DIM), asked }
}
