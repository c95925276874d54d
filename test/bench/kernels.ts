/**
 * @file How fast an index of vectors is searched, next to the time that one core needs to read the same bytes.
 *
 *   node test/bench/kernels.ts [--json] [--smoke] [--items N]
 *
 * Vectors are those of `vector-sets.ts`. Recall is against the products of the vectors before they were quantised. All arms run
 * in one process, in rounds that reverse their order. `peers.ts` does the same beside what a user would pick instead.
 */
import { parseArgs } from 'node:util'
import asc from 'assemblyscript/asc'
import { loadKernels } from '../../gpu-worker/runtime/kernels.ts'
import { KERNEL_NAMES, type KernelName } from '../../shared/kernels/kernels.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { maskOf, type Target, type VectorEngine } from '../../shared/vector/engine.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import { alternate, commit, machine, type Spread, spread } from './measure.ts'
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

/** More than the slices in which signs are made; and code is optimised after its first calls. */
const WARM_UP_CALLS = 20
const ENGINE_BYTES_MAX = 3 * 1024 ** 3

export type KernelSizes = SetSizes & { rounds: number; calls: number }
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

export async function measureKernels(sizes: KernelSizes): Promise<KernelReport> {
  const sets = await vectorSets(sizes)
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
  let asked = 0
  const next = () => queries[asked++ % queries.length]!
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
  for (const arm of Object.values(arms)) for (let call = 0; call < WARM_UP_CALLS; call++) arm()
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
