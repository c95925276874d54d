/**
 * @file Search by vector beside the libraries that a user would pick instead, on the same vectors in one process.
 *
 *   node test/bench/peers.ts [--json] [--items N]
 *
 * Each library is asked on one thread. Graphs are asked at several depths of search: what counts is the time at equal recall.
 */
import { parseArgs } from 'node:util'
import { loadKernels } from '../../gpu-worker/runtime/kernels.ts'
import { maskOf } from '../../shared/vector/engine.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import { alternate, commit, machine, type Spread, spread } from './measure.ts'
import { installPeers, loadPeer } from './peer-package.ts'
import {
  DIM,
  LIMIT,
  nearest,
  quantise,
  SEED,
  type SetSizes,
  type VectorSet,
  vectorSets,
} from './vector-sets.ts'

const ENGINE_BYTES_MAX = 3 * 1024 ** 3
const WARM_UP_CALLS = 20
/** Of the graphs: neighbours a node, and candidates looked at when one is added. */
const GRAPH = { neighbours: 16, efConstruction: 200 }
const SEARCH_DEPTHS = [100, 200, 400]
/** Orama keeps objects: more than this takes gigabytes, and a tenth of a second a call. */
const ORAMA_ITEMS_MAX = 100_000

export type PeerSizes = SetSizes & { rounds: number; calls: number }
export const SMOKE: PeerSizes = { items: 1_000, rounds: 2, calls: 2, queries: 5, source: 'none' }
export const FULL: PeerSizes = { items: 100_000, rounds: 9, calls: 10, queries: 50, source: 'real' }

export type PeerReport = {
  machine: string
  commit: string
  items: number
  sets: { name: string; arms: Record<string, { milliseconds: Spread; recall: number }> }[]
}

/** Rows found, any order. */
type Search = (query: Float32Array) => ArrayLike<number> | Promise<ArrayLike<number>>

/** The parts of the libraries that are used; their types are not installed with ours. */
type Usearch = {
  exactSearch(
    data: Int8Array,
    query: Int8Array,
    dim: number,
    count: number,
    metric: string,
    threads: number,
  ): { keys: BigUint64Array }
  Index: new (
    options: object,
  ) => {
    add(keys: BigUint64Array, vectors: Float32Array, threads: number): void
    search(query: Float32Array, count: number, threads: number): { keys: BigUint64Array }
  }
}
type Hnswlib = {
  HierarchicalNSW: new (
    space: string,
    dim: number,
  ) => {
    initIndex(max: number, neighbours: number, efConstruction: number, seed: number): void
    addPoint(vector: number[], label: number): void
    setEf(ef: number): void
    searchKnn(query: number[], count: number): { neighbors: number[] }
  }
}
type Orama = {
  create(options: object): unknown
  insertMultiple(database: unknown, rows: object[], batch: number): Promise<unknown>
  searchVector(database: unknown, options: object): { hits: { document: { row: number } }[] }
}

export async function measurePeers(sizes: PeerSizes): Promise<PeerReport> {
  const sets = []
  for (const set of await vectorSets(sizes)) sets.push(await measureSet(set, sizes))
  return { machine: machine(), commit: commit(), items: sizes.items, sets }
}

async function measureSet(set: VectorSet, { rounds, calls }: PeerSizes): Promise<PeerReport['sets'][number]> {
  const { name, vectors, queries } = set
  const searches: Record<string, Search> = {
    ...ours(vectors),
    ...usearch(vectors),
    ...hnswlib(vectors),
    ...(await orama(vectors)),
  }
  const timesOf = (search: Search) => async () => {
    const times: number[] = []
    for (let call = 0; call < calls; call++) {
      const from = performance.now()
      await search(queries[call % queries.length]!)
      times.push(performance.now() - from)
    }
    return spread(times, 1e4).median
  }
  for (const search of Object.values(searches))
    for (let call = 0; call < WARM_UP_CALLS; call++) await search(queries[call % queries.length]!)
  const results = await alternate(Object.values(searches).map(timesOf), rounds)
  const truth = queries.map((query) => nearest(vectors, query))
  const arms: PeerReport['sets'][number]['arms'] = {}
  for (const [at, [arm, search]] of Object.entries(searches).entries()) {
    let found = 0
    for (const [i, query] of queries.entries())
      found += Array.from(await search(query)).filter((row) => truth[i]!.has(row)).length / truth[i]!.size
    arms[arm] = {
      milliseconds: spread(results[at]!, 1e4),
      recall: Math.round((found / queries.length) * 1e4) / 1e4,
    }
  }
  return { name, arms }
}

function ours(vectors: Float32Array): Record<string, Search> {
  const rows = quantise(vectors)
  const mask = maskOf(rows.scales.length, () => true)
  const on = (signsFromBytes: number): Search => {
    const engine = createWasmEngine(loadKernels(), { bytesMax: ENGINE_BYTES_MAX, signsFromBytes })
    const targets = [{ part: engine.place(rows), base: 0, mask }]
    return (query) => engine.search(targets, query, LIMIT).map(({ doc }) => doc)
  }
  return { 'ours, exact': on(Number.POSITIVE_INFINITY), 'ours, signs then rescore': on(0) }
}

const numbersOf = (keys: BigUint64Array): number[] => Array.from(keys, Number)

function usearch(vectors: Float32Array): Record<string, Search> {
  const { exactSearch, Index } = loadPeer<Usearch>('usearch')
  const count = vectors.length / DIM
  // Unit vectors: their components are at most 1.
  const toInt8 = (values: Float32Array) => Int8Array.from(values, (x) => Math.round(x * 127))
  const data = toInt8(vectors)
  const keys = BigUint64Array.from({ length: count }, (_, row) => BigInt(row))
  const graph = (expansion: number) => {
    const index = new Index({
      ...{ dimensions: DIM, metric: 'ip', quantization: 'i8', connectivity: GRAPH.neighbours },
      ...{ expansion_add: GRAPH.efConstruction, expansion_search: expansion, multi: false },
    })
    index.add(keys, vectors, 0)
    return index
  }
  const searches: Record<string, Search> = {
    'usearch, exact int8': (query) => numbersOf(exactSearch(data, toInt8(query), DIM, LIMIT, 'ip', 1).keys),
  }
  for (const depth of SEARCH_DEPTHS) {
    const index = graph(depth)
    searches[`usearch, HNSW int8, ef ${depth}`] = (query) => numbersOf(index.search(query, LIMIT, 1).keys)
  }
  return searches
}

function hnswlib(vectors: Float32Array): Record<string, Search> {
  const { HierarchicalNSW } = loadPeer<Hnswlib>('hnswlib-node')
  const count = vectors.length / DIM
  const index = new HierarchicalNSW('ip', DIM)
  index.initIndex(count, GRAPH.neighbours, GRAPH.efConstruction, SEED)
  for (let row = 0; row < count; row++)
    index.addPoint(Array.from(vectors.subarray(row * DIM, (row + 1) * DIM)), row)
  return Object.fromEntries(
    SEARCH_DEPTHS.map((depth): [string, Search] => [
      `hnswlib-node, HNSW f32, ef ${depth}`,
      (query) => {
        index.setEf(depth)
        return index.searchKnn(Array.from(query), LIMIT).neighbors
      },
    ]),
  )
}

async function orama(vectors: Float32Array): Promise<Record<string, Search>> {
  const count = vectors.length / DIM
  if (count > ORAMA_ITEMS_MAX) return {}
  const { create, insertMultiple, searchVector } = loadPeer<Orama>('@orama/orama')
  const database = create({ schema: { row: 'number', embedding: `vector[${DIM}]` } })
  const rows = Array.from({ length: count }, (_, row) => ({
    row,
    embedding: Array.from(vectors.subarray(row * DIM, (row + 1) * DIM)),
  }))
  await insertMultiple(database, rows, 1_000)
  const search: Search = async (query) => {
    const vector = { value: Array.from(query), property: 'embedding' }
    const { hits } = await searchVector(database, { vector, limit: LIMIT, similarity: -1 })
    return hits.map(({ document }) => document.row)
  }
  return { 'orama, exact f64': search }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, items: { type: 'string' } },
  })
  installPeers()
  const sizes = values.smoke ? SMOKE : { ...FULL, ...(values.items ? { items: Number(values.items) } : {}) }
  const report = await measurePeers(sizes)
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string) => console.log(`${name.padEnd(36)} ${value}`)
    row('machine', report.machine)
    row('items', `${report.items} × ${DIM}, top ${LIMIT}`)
    for (const { name, arms } of report.sets) {
      console.log(`\n${name}`)
      for (const [arm, { milliseconds, recall }] of Object.entries(arms)) {
        const { median, low, high } = milliseconds
        row(arm, `${median} ms   (${low} to ${high})   recall@${LIMIT} ${recall}`)
      }
    }
  }
}
