/**
 * @file How fast an index of vectors is searched, next to the time that one core needs to read the same bytes.
 *
 *   node test/bench/kernels.ts [--json] [--smoke] [--items N]
 *
 * Vectors: Icecat titles by the shipped model, repeated with seeded noise up to the size, asked with words of titles, where
 * `AISLE_DATA` (default ../shared/data) has them; and a synthetic mixture of Gaussians. Recall is against the products of the
 * vectors before they were quantised. All arms run in one process, in rounds that reverse their order.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import asc from 'assemblyscript/asc'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { readCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { loadKernels } from '../../gpu-worker/runtime/kernels.ts'
import { readCatalogue } from '../../infra/cli/catalogue-file.ts'
import { KERNEL_NAMES, type KernelName } from '../../shared/kernels/kernels.ts'
import { createRandom, gaussian, type Random } from '../../shared/lib/random.ts'
import { applyFieldMap, FieldMap } from '../../shared/quality/field-map.ts'
import { Item, itemText } from '../../shared/schema/item.ts'
import { maskOf, type Target, type VectorEngine, type VectorRows } from '../../shared/vector/engine.ts'
import { BIAS, quantiseItem } from '../../shared/vector/quantise.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import { alternate, commit, machine, type Spread, spread } from './measure.ts'

const SEED = 5
const DIM = 256
const LIMIT = 100
const ICECAT = join(process.env['AISLE_DATA'] ?? '../shared/data', 'icecat/products.ndjson.gz')
const MODEL = 'gpu-worker/shipped-model'
const CACHE = '.cache/bench'
/** Of a repeated vector, relative to its length. */
const TILE_NOISE = 0.3
/** Rows of a cluster of the mixture, and their spread relative to the centre's length. */
const CLUSTER_ROWS = 200
const CLUSTER_SPREAD = 0.8
const ENGINE_BYTES_MAX = 3 * 1024 ** 3

export type KernelSizes = {
  items: number
  rounds: number
  calls: number
  queries: number
  source: 'real' | 'none'
}
export const SMOKE: KernelSizes = { items: 3_000, rounds: 2, calls: 2, queries: 5, source: 'none' }
export const FULL: KernelSizes = { items: 100_000, rounds: 15, calls: 20, queries: 50, source: 'real' }

type Times = Record<string, Spread>
export type KernelReport = {
  machine: string
  commit: string
  items: number
  sets: {
    name: string
    /** Milliseconds a call, median of a round. */
    milliseconds: Times
    /** exact / read, round by round. */
    exactToRead: Spread
    recall: Record<string, number>
  }[]
  /** Documents found, summed. */
  checksum: number
}

/** Unit vectors f32[count, dim] and queries. */
type VectorSet = { name: string; vectors: Float32Array; queries: Float32Array[] }

export async function measureKernels(sizes: KernelSizes): Promise<KernelReport> {
  const sets = [mixture(sizes)]
  if (sizes.source === 'real' && existsSync(ICECAT)) sets.unshift(await icecat(sizes))
  const measured = []
  let checksum = 0
  for (const set of sets) {
    const { report, found } = await measureSet(set, sizes)
    measured.push(report)
    checksum += found
  }
  return { machine: machine(), commit: commit(), items: sizes.items, sets: measured, checksum }
}

async function measureSet({ name, vectors, queries }: VectorSet, sizes: KernelSizes) {
  const rows = quantise(vectors)
  const count = rows.scales.length
  const mask = maskOf(count, () => true)
  const open = (kernels: KernelName, signsFromBytes: number) => {
    const engine = createWasmEngine(loadKernels([kernels]), { bytesMax: ENGINE_BYTES_MAX, signsFromBytes })
    return { engine, targets: [{ part: engine.place(rows), base: 0, mask }] }
  }
  const [relaxed, simd] = KERNEL_NAMES
  const exact = open(relaxed, Number.POSITIVE_INFINITY)
  const bySigns = open(relaxed, 0)
  const standard = open(simd, Number.POSITIVE_INFINITY)
  const standardBySigns = open(simd, 0)
  const read = await createReadLoop(rows.codes)
  let call = 0
  const next = () => queries[call++ % queries.length]!
  const random = createRandom(SEED)
  const some = maskOf(count, () => random() < 0.05)
  const varied = Array.from({ length: LIMIT }, (_, row) => ({
    part: exact.targets[0]!.part,
    row,
    relevance: 1 - row / LIMIT,
  }))
  const searchIn = ({ engine, targets }: { engine: VectorEngine; targets: Target[] }) =>
    engine.search(targets, next(), LIMIT).length
  const arms: Record<string, () => number> = {
    'read limit': read,
    'exact, relaxed SIMD': () => searchIn(exact),
    'exact, standard SIMD': () => searchIn(standard),
    'signs then rescore, relaxed SIMD': () => searchIn(bySigns),
    'signs then rescore, standard SIMD': () => searchIn(standardBySigns),
    'signs then rescore, 5 % pass a filter': () =>
      bySigns.engine.search([{ ...bySigns.targets[0]!, mask: some }], next(), LIMIT).length,
    'four queries in one exact pass': () =>
      exact.engine.searchMany(exact.targets, [next(), next(), next(), next()], LIMIT).length,
    'MMR, 100 → 20': () => exact.engine.choose(varied, { kind: 'mmr', lambda: 0.7 }, 20).length,
    'DPP, 100 → 20': () => exact.engine.choose(varied, { kind: 'dpp', sharpness: 1 }, 20).length,
  }
  let found = 0
  const timesOf = (arm: () => number) => () => {
    found += arm()
    const times = Array.from({ length: sizes.calls }, () => {
      const from = performance.now()
      found += arm()
      return performance.now() - from
    })
    return spread(times, 1e4).median
  }
  // Twice before anything counts: code is optimised after its first calls.
  for (const arm of Object.values(arms)) for (let warm = 0; warm < 5; warm++) arm()
  const rounds = await alternate(Object.values(arms).map(timesOf), sizes.rounds)
  const milliseconds = Object.fromEntries(Object.keys(arms).map((arm, i) => [arm, spread(rounds[i]!, 1e4)]))
  const truth = queries.map((query) => nearest(vectors, query))
  const recallOf = ({ engine, targets }: { engine: VectorEngine; targets: Target[] }) =>
    queries.reduce((sum, query, i) => {
      const hits = engine.search(targets, query, LIMIT).filter(({ doc }) => truth[i]!.has(doc))
      return sum + hits.length / truth[i]!.size
    }, 0) / queries.length
  const round = (x: number) => Math.round(x * 1e4) / 1e4
  return {
    found,
    report: {
      name,
      milliseconds,
      exactToRead: spread(
        rounds[1]!.map((time, i) => time / rounds[0]![i]!),
        100,
      ),
      recall: { exact: round(recallOf(exact)), 'signs then rescore': round(recallOf(bySigns)) },
    },
  }
}

/** Reads every byte once, 64 at a time: what no scan of the same bytes can be faster than. */
const READ_LOOP = `
  export function read(at: usize, end: usize): i32 {
    let a = i32x4.splat(0), b = a, c = a, d = a
    for (; at < end; at += 64) {
      a = v128.xor(a, v128.load(at)); b = v128.xor(b, v128.load(at, 16))
      c = v128.xor(c, v128.load(at, 32)); d = v128.xor(d, v128.load(at, 48))
    }
    a = v128.xor(v128.xor(a, b), v128.xor(c, d))
    return i32x4.extract_lane(a, 0) ^ i32x4.extract_lane(a, 1) ^ i32x4.extract_lane(a, 2) ^ i32x4.extract_lane(a, 3)
  }`

async function createReadLoop(codes: Uint8Array): Promise<() => number> {
  const { binary, error, stderr } = await asc.compileString(READ_LOOP, {
    ...{ optimizeLevel: 3, runtime: 'stub', importMemory: true, noExportMemory: true },
    enable: ['simd'],
  })
  if (!binary) throw new Error(`${error?.message ?? ''}\n${stderr.toString()}`)
  const memory = new WebAssembly.Memory({ initial: Math.ceil(codes.length / 65_536) + 1 })
  const bytes = Math.floor(codes.length / 64) * 64
  new Uint8Array(memory.buffer, 65_536, bytes).set(codes.subarray(0, bytes))
  const module = new WebAssembly.Module(binary as Uint8Array<ArrayBuffer>)
  const { read } = new WebAssembly.Instance(module, { env: { memory } }).exports as {
    read(at: number, end: number): number
  }
  return () => read(65_536, 65_536 + bytes) & 1
}

function quantise(vectors: Float32Array): VectorRows {
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
function nearest(vectors: Float32Array, query: Float32Array): Set<number> {
  const scores = new Float32Array(vectors.length / DIM)
  for (let row = 0, at = 0; row < scores.length; row++)
    for (let i = 0; i < DIM; i++, at++) scores[row]! += vectors[at]! * query[i]!
  const bound = scores.toSorted().at(-LIMIT) ?? Number.NEGATIVE_INFINITY
  return new Set([...scores.keys()].filter((row) => scores[row]! >= bound))
}

/** target ← source + noise, of unit length. */
function writeNoisy(target: Float32Array, source: Float32Array, noise: number, random: Random): void {
  let squares = 0
  for (let i = 0; i < DIM; i++) {
    target[i] = source[i]! + (noise * gaussian(random)) / Math.sqrt(DIM)
    squares += target[i]! ** 2
  }
  const norm = Math.sqrt(squares)
  for (let i = 0; i < DIM; i++) target[i]! /= norm
}

function mixture({ items, queries }: KernelSizes): VectorSet {
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

async function icecat({ items, queries }: KernelSizes): Promise<VectorSet> {
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

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, items: { type: 'string' } },
  })
  const sizes = values.smoke ? SMOKE : { ...FULL, ...(values.items ? { items: Number(values.items) } : {}) }
  const report = await measureKernels(sizes)
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string) => console.log(`${name.padEnd(40)} ${value}`)
    const line = ({ median, low, high }: Spread) => `${median}   (${low} to ${high})`
    row('machine', report.machine)
    row('items', `${report.items} × ${DIM}, top ${LIMIT}`)
    for (const { name, milliseconds, exactToRead, recall } of report.sets) {
      console.log(`\n${name}`)
      for (const [arm, times] of Object.entries(milliseconds)) row(`${arm}, ms`, line(times))
      row('exact / read limit', line(exactToRead))
      for (const [arm, share] of Object.entries(recall)) row(`recall@${LIMIT}, ${arm}`, String(share))
    }
    row('\nchecksum', String(report.checksum))
  }
}
