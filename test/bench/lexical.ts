/**
 * @file Time of lexical searches by kind of query, beside the plain scorer on plain lists, and the bytes that the words of a shop take.
 *
 *   node test/bench/lexical.ts [--items N] [--json] [--smoke]
 *
 * A shop of N items, tiled from the Icecat catalogue where `AISLE_DATA` (default ../shared/data) has it. A search runs on one
 * thread without waiting, so its time by the clock is its CPU time, but for what other processes take away: of each query the
 * least of the rounds counts. The mean is CPU time of the process, garbage collection and compilation included. Analysis of the query text is a part of it, the display fields of the hits are not. Both give the
 * same answers, or the measurement ends.
 */
import { parseArgs } from 'node:util'
import { renderTable } from '../../infra/cli/table.ts'
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import { compileFilter, parseFilter } from '../../shared/retrieval/filter.ts'
import { fixtureManifest, fixtureRef } from '../../shared/retrieval/fixture.ts'
import { type Accept, searchLexical } from '../../shared/retrieval/lexical.ts'
import { buildIndex, type Index } from '../../shared/retrieval/load-index.ts'
import type { Item } from '../../shared/schema/item.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { decodeSegment, type Segment } from '../../shared/segment/decode.ts'
import { encodeSegment } from '../../shared/segment/encode.ts'
import { analyse, analyseQuery } from '../../shared/text/analyse.ts'
import { searchPlainly } from '../fixtures/plain-lexical.ts'
import { encodeSegmentV1 } from '../fixtures/segment-v1.ts'
import { readShop, tileShop } from '../fixtures/tiled-shop.ts'
import { alternate, commit, machine } from './measure.ts'

const SEED = 17
/** A page of hits, and what a hybrid search fuses. */
const DEPTHS = [20, 1_000]
const DIM = 4

export type LexicalSizes = { items: number; queries: number; rounds: number; source: 'real' | 'sample' }
export const SMOKE: LexicalSizes = { items: 300, queries: 4, rounds: 2, source: 'sample' }
export const FULL: LexicalSizes = { items: 100_000, queries: 100, rounds: 7, source: 'real' }

export type Query = { text: string; filter: string | null }
/** Milliseconds a query. */
type Times = { p50: number; p99: number; max: number }
type Row = Times & {
  kind: string
  depth: number
  matches: number
  /** CPU of the process, milliseconds a query. */
  cpu: number
  plain: Times & { cpu: number }
  /** CPU of the plain scorer by that of this one. */
  ratio: number
}
export type LexicalReport = {
  machine: string
  commit: string
  shop: string
  items: number
  bytes: { itemsFile: number; termsFile: number; plainTermsFile: number; terms: number }
  rows: Row[]
  /** Of the misspelt queries, asked for the first time: what is looked up is remembered. */
  firstTime: Times
  /** Sum of the best scores. */
  checksum: number
}

export async function measureLexical(sizes: LexicalSizes): Promise<LexicalReport> {
  const random = createRandom(SEED)
  const shop = await readShop(sizes.source)
  const items = tileShop(shop.items, sizes.items, random)
  const { packed, plain, bytes } = indexesOf(items)
  const kinds = queriesOf(items, sizes.queries, random)
  const ours: Arm = (query, depth) => run(searchLexical, packed, query, depth)
  const reference: Arm = (query, depth) => run(searchPlainly, plain, query, depth)
  for (const [kind, queries] of Object.entries(kinds))
    if (kind !== 'misspelt')
      for (const query of queries)
        for (const depth of DEPTHS) expectSame(ours(query, depth), reference(query, depth))
  const firstTime = timesOf(kinds['misspelt']!.map((query) => ours(query, DEPTHS[0]!).ms))
  let checksum = 0
  const rows: Row[] = []
  for (const [kind, queries] of Object.entries(kinds))
    for (const depth of DEPTHS) {
      const [mine, theirs] = await alternate(
        [ours, reference].map((arm) => () => measureBatch(queries.map((query) => () => arm(query, depth)))),
        sizes.rounds,
      )
      const [first] = mine!
      checksum += first!.outcomes.reduce((sum, { best }) => sum + best, 0)
      const own = summarise(mine!)
      const plain = summarise(theirs!)
      const matches = Math.round(mean(first!.outcomes.map(({ total }) => total)))
      const ratio = own.cpu > 0 ? round(plain.cpu / own.cpu, 10) : 0
      rows.push({ kind, depth, matches, ...own, plain, ratio })
    }
  return {
    ...{ machine: machine(), commit: commit(), shop: shop.name, items: items.length, bytes, rows, firstTime },
    checksum: round(checksum, 1_000),
  }
}

type Outcome = { ms: number; total: number; best: number }
type Arm = (query: Query, depth: number) => Outcome
type Batch = { outcomes: Outcome[]; cpuMs: number }

function measureBatch(searches: readonly (() => Outcome)[]): Batch {
  const from = process.cpuUsage()
  const outcomes = searches.map((search) => search())
  const { user, system } = process.cpuUsage(from)
  return { outcomes, cpuMs: (user + system) / 1_000 }
}

function summarise(rounds: readonly Batch[]): Times & { cpu: number } {
  const queries = rounds[0]!.outcomes
  const least = queries.map((_, at) => Math.min(...rounds.map(({ outcomes }) => outcomes[at]!.ms)))
  const cpu = mean(rounds.map(({ cpuMs }) => cpuMs)) / queries.length
  return { ...timesOf(least), cpu: round(cpu, 1_000) }
}

function run(search: typeof searchPlainly, index: Index, { text, filter }: Query, depth: number): Outcome {
  const from = performance.now()
  const { matches, total } = search(index, analyseQuery(text), depth, acceptOf(index, filter))
  return { ms: performance.now() - from, total, best: matches[0]?.score ?? 0 }
}

const expectSame = (a: Outcome, b: Outcome) =>
  assert(a.total === b.total && a.best === b.best, 'both scorers give the same answer')

/** The same content in both versions of the format. */
function indexesOf(items: readonly Item[]) {
  const rows = items.map((item, at) => ({
    row: { number: at + 1, version: 1, contentHash: '0'.repeat(32), duplicateOf: null, item },
    vector: null,
  }))
  const content = contentOf(rows, DIM)
  const files = encodeSegment(content)
  const plainFiles = encodeSegmentV1(content)
  const packed = decode(files, items.length)
  return {
    packed: indexOf(packed),
    plain: indexOf(decode(plainFiles, items.length)),
    bytes: {
      itemsFile: files.items.length,
      termsFile: files.terms.length,
      plainTermsFile: plainFiles.terms.length,
      terms: packed.terms.count,
    },
  }
}

function decode(files: { items: Uint8Array; terms: Uint8Array }, rows: number): Segment {
  const segment = decodeSegment(files, fixtureRef('bench', rows))
  assert(segment.ok, segment.ok ? '' : segment.error.reason)
  return segment.value
}
const indexOf = (segment: Segment): Index => buildIndex(fixtureManifest([segment.ref]), [segment])

/** Seeded queries of every kind, from the words of the titles. */
export function queriesOf(items: readonly Item[], count: number, random: Random): Record<string, Query[]> {
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const words = (item: Item) => item.title.toLowerCase().split(/\s+/).filter(isWord)
  const withWords = items.filter((item) => words(item).length >= 2)
  const make = (text: () => string, filter: () => string | null = () => null): Query[] =>
    Array.from({ length: count }, () => ({ text: text(), filter: filter() }))
  const oneWord = () => any(words(any(withWords)))
  const manyWords = () => {
    const title = any(withWords).title.split(/\s+/)
    return title.slice(0, 4 + Math.floor(random() * 5)).join(' ')
  }
  const frequent = frequentWords(withWords.map(words), count)
  const longWord = () => {
    for (let tries = 0; tries < 1_000; tries++) {
      const word = oneWord()
      if (word.length >= 6) return word
    }
    return 'keyboard'
  }
  return {
    'one word': make(() => `${oneWord()} `),
    'frequent word': frequent.map((text) => ({ text: `${text} `, filter: null })),
    'many words': make(() => `${manyWords()} `),
    'whole title': make(() => `${any(withWords).title} `),
    'word in the making': make(() => {
      const word = oneWord()
      return word.slice(0, 2 + Math.floor(random() * (word.length - 2)))
    }),
    'words, last in the making': make(() => {
      const [first, second] = words(any(withWords)).slice(-2)
      return `${first} ${second!.slice(0, 3)}`
    }),
    misspelt: make(() => `${oneWord()} ${misspell(longWord(), random)} `),
    filtered: make(
      () => `${oneWord()} ${oneWord()} `,
      () =>
        any([
          `price<${10 + Math.floor(random() * 500)} AND inStock`,
          `brand="${any(withWords).brand || 'HP'}"`,
        ]),
    ),
  }
}

const isWord = (word: string): boolean => /^[a-z]{3,}$/.test(word) && analyse(word).length > 0

function frequentWords(titles: readonly string[][], count: number): string[] {
  const counts = new Map<string, number>()
  for (const words of titles) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, count)
    .map(([word]) => word)
}

/** One letter left out, doubled, changed or exchanged with the next, not at the start. */
function misspell(word: string, random: Random): string {
  const at = 1 + Math.floor(random() * (word.length - 2))
  const [before, letter, after] = [word.slice(0, at), word[at]!, word.slice(at + 1)]
  const edits = [
    before + after,
    before + letter + letter + after,
    `${before}z${after}`,
    before + after[0]! + letter + after.slice(1),
  ]
  return edits[Math.floor(random() * edits.length)]!
}

const everything: Accept = () => true

function acceptOf(index: Index, text: string | null): Accept {
  if (text === null) return everything
  const filter = parseFilter(text)
  assert(filter.ok, `the filter ${text} is not understood`)
  return compileFilter(index, filter.value)
}

function timesOf(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1]!, 1_000)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
const round = (value: number, precision: number) => Math.round(value * precision) / precision
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, items: { type: 'string' } },
  })
  const sizes = values.smoke ? SMOKE : FULL
  const report = await measureLexical({ ...sizes, items: Number(values.items ?? sizes.items) })
  if (values.json) console.log(JSON.stringify(report))
  else {
    const { bytes, firstTime } = report
    const mb = (count: number) => `${(count / 1e6).toFixed(1)} MB`
    console.log(`${report.items} items, ${report.shop}; ${report.machine}; ${report.commit}`)
    console.log(
      `terms.arrow ${mb(bytes.termsFile)}, with plain lists ${mb(bytes.plainTermsFile)}; ${bytes.terms} terms; items.arrow ${mb(bytes.itemsFile)}\n`,
    )
    console.log(
      renderTable(
        ['query', 'depth', 'matches', 'p50 ms', 'p99', 'max', 'CPU', 'plain p50', 'p99', 'CPU', 'CPU ratio'],
        report.rows.map(({ kind, depth, matches, p50, p99, max, cpu, plain, ratio }) => [
          kind,
          ...[depth, matches, p50, p99, max, cpu, plain.p50, plain.p99, plain.cpu].map(String),
          `× ${ratio}`,
        ]),
      ),
    )
    console.log(
      `\nmisspelt, asked for the first time: p50 ${firstTime.p50}, p99 ${firstTime.p99}, max ${firstTime.max} ms`,
    )
    console.log(`checksum ${report.checksum}`)
  }
}
