/**
 * @file Segments of a shop of any size, made as the worker makes them and of the same size as its own. They are kept in
 * `.cache/bench`, under a name that changes with the code and the data that they come from: a million items take minutes.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SHIPPED_MODEL_DIR } from '../../gpu-worker/config.ts'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { readBase } from '../../infra/cli/train.ts'
import { PROJECT_ROOT } from '../../infra/local/bundle.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { type Item, itemText } from '../../shared/schema/item.ts'
import { type Blob, type SegmentRef, segmentKeys } from '../../shared/schema/manifest.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { readShop, shopFile, tileShop } from '../fixtures/tiled-shop.ts'
import { randomVector, unit } from '../fixtures/vectors.ts'
import { keep, keyOf, once, say } from './lexical-shop.ts'
import { DIM, TILE_NOISE, writeNoisy } from './vector-sets.ts'

const SEED = 29
/** What the files are made by. */
const MAKERS = [
  'shared/text',
  'shared/segment/content.ts',
  'shared/segment/encode.ts',
  'shared/segment/postings.ts',
  'test/bench/growth-segments.ts',
  'test/fixtures/tiled-shop.ts',
]
const ENCODER_THREADS = 2

/** Whole products, or what is left of them without descriptions and attributes. */
export type Texts = 'whole' | 'titles'
export type BuiltSegment = {
  ref: SegmentRef
  /** Sum of the documents' lengths, half words: what a placement tells shards. */
  lengthSum: number
  /** CPU seconds of analysis, postings and columns, when it was built. */
  cpuSeconds: number
}
export type Segments = {
  /** What the items are, in words. */
  name: string
  /** Objects by key. */
  folder: string
  /** The products that the shop repeats. */
  products(): Promise<readonly Item[]>
  /** Vectors of texts by the model that the items' vectors are of, f32[DIM] each. */
  encode(name: string, texts: readonly string[]): Promise<Float32Array[]>
  /** Items `from` (from 0) up to `to`, made unless they are there. */
  build(texts: Texts, from: number, to: number): Promise<BuiltSegment>
}

/**
 * @param source sample: the sample shop with random vectors, which is quick; else Icecat by the shipped model, where `AISLE_DATA`
 *               has it
 * @param scratch where segments of the sample shop are written
 */
export async function openSegments(source: 'real' | 'sample', scratch: string): Promise<Segments> {
  const file = shopFile(source)
  const isKept = source === 'real'
  const folder = isKept
    ? join(
        PROJECT_ROOT,
        '.cache/bench',
        `growth-${keyOf(file, MAKERS, [SEED, DIM, await modelHash(), await codesHash()])}`,
      )
    : scratch
  const products = once(async () => {
    say(`reads ${file.name}`)
    return readShop(file)
  })
  const encode = async (name: string, texts: readonly string[]): Promise<Float32Array[]> => {
    if (!isKept) return randomVectors(texts)
    const hash = (await sha256Hex(JSON.stringify(texts))).slice(0, 12)
    const bytes = await keep(folder, `${name}-${hash}.f32`, async () => encodeTexts(texts))
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    return texts.map((_, at) => values.slice(at * DIM, (at + 1) * DIM))
  }
  const vectors = once(async () => encode('items', (await products()).map(itemText)))

  async function make(texts: Texts, from: number, to: number): Promise<BuiltSegment> {
    const [all, own] = [await products(), await vectors()]
    say(`builds items ${from} to ${to}, ${texts}`)
    const random = createRandom(SEED + from)
    const items = tileShop(all, to, random, from)
    const before = process.cpuUsage()
    const rows = items.map((item, index) => {
      const at = from + index
      const vector = new Float32Array(DIM)
      writeNoisy(vector, own[at % own.length]!, at < own.length ? 0 : TILE_NOISE, random)
      return {
        row: {
          ...{ number: at + 1, version: 1, contentHash: '0'.repeat(32), duplicateOf: null },
          item: texts === 'whole' ? item : { ...item, description: '', attributes: {} },
        },
        vector: quantiseItem(vector),
      }
    })
    const content = contentOf(rows, DIM)
    const files = encodeSegment(content)
    const { user, system } = process.cpuUsage(before)
    const id = `${texts}-${from}-${to}`
    const keys = segmentKeys(id)
    const write = async (key: string, bytes: Uint8Array): Promise<Blob> => {
      writeWhole(join(folder, key), bytes)
      return { key, bytes: bytes.length, sha256: await sha256Hex(bytes) }
    }
    return {
      ref: {
        ...{ id, rows: items.length },
        items: await write(keys.items, files.items),
        terms: await write(keys.terms, files.terms),
      },
      lengthSum: content.rows.reduce((sum, { length }) => sum + length, 0),
      cpuSeconds: (user + system) / 1e6,
    }
  }

  return {
    ...{ name: file.name, folder, products, encode },
    async build(texts, from, to) {
      // Written after the files that it names.
      const path = join(folder, `${texts}-${from}-${to}.json`)
      if (!existsSync(path)) writeWhole(path, JSON.stringify(await make(texts, from, to)))
      return JSON.parse(readFileSync(path, 'utf8')) as BuiltSegment
    },
  }
}

/** Of what is made of a vector: that file has more in it, which readers need. */
const codesHash = (): Promise<string> => sha256Hex(quantiseItem(randomVector(createRandom(SEED), DIM)).codes)

const modelHash = (): Promise<string> => sha256Hex(readFileSync(join(SHIPPED_MODEL_DIR, 'model.safetensors')))

async function encodeTexts(texts: readonly string[]): Promise<Uint8Array> {
  say(`encodes ${texts.length} texts`)
  const checkpoint = await readBase(SHIPPED_MODEL_DIR)
  const encoder = await createEncoder({ checkpoint, precision: 'int8', threads: ENCODER_THREADS })
  const vectors = await encoder.encode(texts)
  await encoder.close()
  const values = new Float32Array(vectors.length * DIM)
  vectors.forEach((vector, at) => {
    values.set(vector, at * DIM)
  })
  return new Uint8Array(values.buffer)
}

const randomVectors = (texts: readonly string[]): Float32Array[] => {
  const random = createRandom(SEED)
  return texts.map(() => unit(randomVector(random, DIM)))
}

function writeWhole(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, bytes)
  renameSync(draft, path)
}
