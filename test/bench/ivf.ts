/**
 * @file Inverted lists: how long they take to build, and what a search finds in how many of them.
 *
 *   node test/bench/ivf.ts [--titles N] [--vectors N] [--lists K] [--threads T] [--json] [--smoke]
 *
 * Vectors are those of the shipped model for real titles where `AISLE_DATA` (default ../shared/data) has them, else for titles of
 * the sample shop; where more are asked for than there are titles, copies with seeded noise follow. Queries are the first words of
 * other titles. The build is timed in two parts: what depends on the number of lists alone, and what grows with the vectors.
 */
import { parseArgs } from 'node:util'
import { SHIPPED_MODEL_DIR } from '../../gpu-worker/config.ts'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { buildIvf, listCountFor } from '../../gpu-worker/indexing/build-ivf.ts'
import { renderTable } from '../../infra/cli/table.ts'
import { readBase } from '../../infra/cli/train.ts'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import { fixtureRef } from '../../shared/retrieval/fixture.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { decodeSegment, type Segment } from '../../shared/segment/decode.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import { decodeIvfHead, nearestLists, rangeOf, scanList } from '../../shared/vector/ivf.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { missingTitles, readRealTitles } from '../fixtures/real-titles.ts'
import { commit, machine } from './measure.ts'

const SEED = 17
const WORDS_OF_A_QUERY = 4
const NEIGHBOURS = 10
/** Per component; a vector has length 1, so that a copy has a cosine of about .97 to its original. */
const NOISE = 0.015
const ROWS_PER_SEGMENT = 20_000

export type IvfSizes = {
  titles: number
  queries: number
  vectors: number
  lists: number | null
  threads: number
  probes: number[]
  source: 'real' | 'sample'
}
export const SMOKE: IvfSizes = {
  ...{ titles: 300, queries: 20, vectors: 400, lists: 16, threads: 1, probes: [1, 4, 16], source: 'sample' },
}
export const FULL: IvfSizes = {
  ...{ titles: 40_000, queries: 300, vectors: 40_000, lists: null, threads: 1, source: 'real' },
  probes: [1, 2, 4, 8, 16, 32, 64],
}
export type IvfReport = {
  machine: string
  commit: string
  titles: string
  vectors: number
  lists: number
  seconds: number
  /** Of all threads: what other work on the machine does not lengthen much. */
  cpuSeconds: number
  megabytes: { head: number; lists: number }
  /** Mean over the queries. `read` is the share of the vectors that were read. */
  rows: { probes: number; recallAt10: number; read: number; kilobytes: number }[]
}

export async function measureIvf(sizes: IvfSizes): Promise<IvfReport> {
  const { name, items, queries, dim } = await readVectors(sizes)
  const vectors = tile(items, sizes.vectors)
  const segments = segmentsOf(vectors, dim)
  const lists = Math.min(sizes.lists ?? listCountFor(vectors.length), vectors.length)
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const files = await buildIvf(segments, dim, () => true, {
    ...{ threads: sizes.threads, seed: SEED, listCount: lists },
  })
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(before)
  assert(files, 'there are vectors')
  const head = decodeIvfHead(files.head, files.lists.length)
  assert(head.ok, 'what was written can be read')
  const scan = (list: number, query: Float32Array) => {
    const { offset, length } = rangeOf(head.value, list)
    const scanned = scanList(head.value, list, files.lists.subarray(offset, offset + length), query)
    assert(scanned.ok, 'a list is as it was written')
    return scanned.value.map((match) => ({ ...match, list }))
  }
  const totals = sizes.probes.map(() => ({ recall: 0, read: 0 }))
  for (const query of queries) {
    const ranked = nearestLists(head.value, query, lists)
    const best = nearestOf(ranked.flatMap((list) => scan(list, query)))
    sizes.probes.forEach((probes, at) => {
      const probed = new Set(ranked.slice(0, probes))
      totals[at]!.recall += best.filter(({ list }) => probed.has(list)).length / best.length
      for (const list of probed) totals[at]!.read += rangeOf(head.value, list).length
    })
  }
  const bytes = files.lists.length
  return {
    machine: `${machine()}, ${sizes.threads} thread${sizes.threads === 1 ? '' : 's'}`,
    commit: commit(),
    titles: name,
    vectors: vectors.length,
    lists,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    megabytes: { head: files.head.length / 1e6, lists: bytes / 1e6 },
    rows: sizes.probes.map((probes, at) => ({
      probes,
      recallAt10: totals[at]!.recall / queries.length,
      read: totals[at]!.read / queries.length / bytes,
      kilobytes: totals[at]!.read / queries.length / 1_000,
    })),
  }
}

function nearestOf<T extends { cosine: number; number: number }>(matches: readonly T[]): T[] {
  const best: T[] = []
  for (const match of matches) {
    const last = best.at(-1)
    if (last && best.length === NEIGHBOURS && match.cosine <= last.cosine) continue
    best.push(match)
    best.sort((a, b) => b.cosine - a.cosine || a.number - b.number)
    best.length = Math.min(best.length, NEIGHBOURS)
  }
  return best
}

async function readVectors({ titles: count, queries, source, threads }: IvfSizes) {
  const missing = missingTitles()
  const isReal = source === 'real' && missing === ''
  const all = isReal ? await readRealTitles() : sampleCatalogue().map(({ title }) => title)
  // Every k-th: the files are sorted by shop, and all of them should have a part.
  const step = Math.max(1, all.length / (count + queries))
  const chosen = Array.from(
    { length: Math.min(all.length, count + queries) },
    (_, at) => all[Math.floor(at * step)]!,
  )
  const every = Math.floor(chosen.length / queries)
  const [asked, titles] = [true, false].map((isQuery) =>
    chosen.filter((_, at) => (at % every === 0) === isQuery),
  ) as [string[], string[]]
  const encoder = await createEncoder({
    ...{ checkpoint: await readBase(SHIPPED_MODEL_DIR), precision: 'int8', threads },
  })
  try {
    const items = await encoder.encode(titles)
    const texts = asked.map((title) => title.split(' ').slice(0, WORDS_OF_A_QUERY).join(' '))
    const name = isReal ? 'real titles' : 'titles of the sample shop'
    return { name: `${titles.length} ${name}`, items, queries: await encoder.encode(texts), dim: encoder.dim }
  } finally {
    await encoder.close()
  }
}

function tile(vectors: readonly Float32Array[], count: number): Float32Array[] {
  const random = createRandom(SEED)
  return Array.from({ length: count }, (_, at) => {
    const original = vectors[at % vectors.length]!
    if (at < vectors.length) return original
    const noisy = original.map((x) => x + NOISE * gaussian(random))
    const norm = Math.hypot(...noisy)
    return noisy.map((x) => x / norm)
  })
}

function segmentsOf(vectors: readonly Float32Array[], dim: number): Segment[] {
  const segments: Segment[] = []
  for (let from = 0; from < vectors.length; from += ROWS_PER_SEGMENT) {
    const rows = vectors.slice(from, from + ROWS_PER_SEGMENT).map((vector, at) => ({
      row: { ...{ number: from + at + 1, version: 1, contentHash: '', duplicateOf: null }, item: null },
      vector: quantiseItem(vector),
    }))
    const content = contentOf(rows, dim)
    // Without items these are tombstones: here only their vectors are wanted.
    const living = content.rows.map((row, at) => ({ ...row, live: true, vector: rows[at]!.vector }))
    const files = encodeSegment({ ...content, rows: living })
    const segment = decodeSegment(files, fixtureRef(`s${from}`, rows.length))
    assert(segment.ok, 'a segment that was just written')
    segments.push(segment.value)
  }
  return segments
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      ...{
        titles: { type: 'string' },
        vectors: { type: 'string' },
        lists: { type: 'string' },
        threads: { type: 'string' },
      },
      ...{ json: { type: 'boolean', default: false }, smoke: { type: 'boolean', default: false } },
    },
  })
  const sizes = { ...(values.smoke ? SMOKE : FULL) }
  if (values.titles) sizes.titles = Number(values.titles)
  if (values.vectors) sizes.vectors = Number(values.vectors)
  if (values.lists) sizes.lists = Number(values.lists)
  if (values.threads) sizes.threads = Number(values.threads)
  sizes.titles = Math.min(sizes.titles, sizes.vectors)
  const report = await measureIvf(sizes)
  if (values.json) console.log(JSON.stringify(report))
  else {
    const { vectors, lists, seconds, cpuSeconds, megabytes, titles } = report
    console.log(`${report.machine}, ${report.commit}. ${vectors} vectors of ${titles} in ${lists} lists.`)
    console.log(
      `Built in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU; head ${megabytes.head.toFixed(1)} MB, lists ${megabytes.lists.toFixed(1)} MB.`,
    )
    console.log(
      renderTable(
        ['probes', 'recall@10', 'read', 'kB a query'],
        report.rows.map(({ probes, recallAt10, read, kilobytes }) => [
          String(probes),
          recallAt10.toFixed(3),
          `${(100 * read).toFixed(2)} %`,
          kilobytes.toFixed(0),
        ]),
      ),
    )
  }
}
