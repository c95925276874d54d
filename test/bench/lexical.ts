/**
 * @file Time of lexical searches by kind of query, beside minisearch on the same documents.
 *
 *   node test/bench/lexical.ts [--items N] [--plain] [--no-peer] [--json] [--smoke]
 *
 * A shop of N items, tiled from the Icecat catalogue where `AISLE_DATA` (default ../shared/data) has it. Times are CPU time of the
 * process, so that others on the machine count little: of each query the least of the rounds, and the mean of all rounds,
 * garbage collection and compilation included. Analysis of the query text is a part of it, the display fields of the hits are
 * not. `--plain` measures the plain scorer on plain lists as well, and ends unless both give the same answers.
 */
import { parseArgs } from 'node:util'
import { renderTable } from '../../infra/cli/table.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import { facetsOf, tallyFacets } from '../../shared/retrieval/facets.ts'
import { compileFilter, parseFilter } from '../../shared/retrieval/filter.ts'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { DocMask, Index } from '../../shared/retrieval/load-index.ts'
import { suggest } from '../../shared/retrieval/suggest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { searchPlainly } from '../fixtures/plain-lexical.ts'
import { openMiniSearch } from './lexical-peer.ts'
import { type Query, queriesOf } from './lexical-queries.ts'
import { type BenchShop, openShop, say } from './lexical-shop.ts'
import { alternate, commit, machine } from './measure.ts'
import { installPeers } from './peer-package.ts'

const SEED = 17
/** A page of hits, and what a hybrid search fuses. */
const DEPTHS = [20, 1_000]
const COMPLETIONS = 8
const FACETS = ['brand', 'category', 'price'] as const
/** A search of minisearch takes so long that it is asked fewer, and fewer times. */
const PEER_QUERIES = 5
const PEER_ROUNDS = 2
const WARM_UP_QUERIES = 30

export type LexicalSizes = {
  items: number
  queries: number
  rounds: number
  source: 'real' | 'sample'
  hasPlain: boolean
  hasPeer: boolean
}
export const SMOKE: LexicalSizes = {
  ...{ items: 300, queries: 4, rounds: 2, source: 'sample' },
  ...{ hasPlain: true, hasPeer: false },
}
export const FULL: LexicalSizes = {
  ...{ items: 100_000, queries: 100, rounds: 5, source: 'real' },
  ...{ hasPlain: false, hasPeer: true },
}

/** CPU milliseconds a query. */
type Times = { p50: number; p99: number; max: number }
type Row = Times & {
  kind: string
  depth: number
  matches: number
  mean: number
  /** CPU of another by that of this one, on the same queries. */
  ratios: { plain: number | null; minisearch: number | null }
}
export type LexicalReport = {
  machine: string
  commit: string
  shop: string
  items: number
  bytes: BenchShop['bytes']
  rows: Row[]
  /** What is remembered after the first time: words near a misspelt one, and documents that pass a filter. */
  firstTime: Record<'misspelt' | 'filtered', Times>
  /** Sum of the best scores. */
  checksum: number
}

type Outcome = { ms: number; total: number; best: number }
/** One of those that are compared; null where it cannot do what is asked. */
type Arm = (query: Query, depth: number, kind: string) => Outcome

export async function measureLexical(sizes: LexicalSizes): Promise<LexicalReport> {
  const shop = await openShop(sizes, sizes.source === 'real')
  const { index, name, bytes } = shop
  say('makes the queries')
  const kinds = queriesOf(index, sizes.queries, createRandom(SEED))
  const ours: Arm = (query, depth) => run(searchLexical, index, query, depth)
  // So that what is asked for the first time meets code that has run before.
  for (const [kind, queries] of Object.entries(queriesOf(index, WARM_UP_QUERIES, createRandom(SEED + 1))))
    for (const query of queries) ours(query, DEPTHS[0]!, kind)
  const firstTime = {
    misspelt: timesOf(kinds['misspelt']!.map((query) => ours(query, DEPTHS[0]!, 'misspelt').ms)),
    filtered: timesOf(kinds['filtered']!.map((query) => ours(query, DEPTHS[0]!, 'filtered').ms)),
  }
  const plain = sizes.hasPlain ? plainArm(await shop.plainIndex()) : null
  const peer = sizes.hasPeer ? await peerArm(shop) : null
  let checksum = 0
  const rows: Row[] = []
  for (const [kind, queries] of Object.entries(kinds)) {
    say(kind)
    const isSearch = queries[0]!.asks === 'hits'
    for (const depth of queries[0]!.asks === 'completions' ? [COMPLETIONS] : DEPTHS) {
      const batch = (arm: Arm, count: number) => () =>
        queries.slice(0, count).map((query) => arm(query, depth, kind))
      if (plain && isSearch)
        for (const query of queries) expectSame(ours(query, depth, kind), plain(query, depth, kind))
      const [mine] = await alternate([batch(ours, sizes.queries)], sizes.rounds)
      const beside = async (other: Arm | null, count: number, rounds: number) => {
        if (!other || !isSearch) return null
        const [own, theirs] = await alternate([batch(ours, count), batch(other, count)], rounds)
        return round(meanMs(theirs!) / meanMs(own!), 10)
      }
      checksum += mine![0]!.reduce((sum, { best }) => sum + best, 0)
      rows.push({
        ...{ kind, depth, ...summarise(mine!) },
        matches: Math.round(mean(mine![0]!.map(({ total }) => total))),
        ratios: {
          plain: await beside(plain, sizes.queries, sizes.rounds),
          // All that it finds is listed at any depth.
          minisearch: depth === DEPTHS[0] ? await beside(peer, PEER_QUERIES, PEER_ROUNDS) : null,
        },
      })
    }
  }
  return {
    ...{ machine: machine(), commit: commit(), shop: name, items: sizes.items, bytes, rows, firstTime },
    checksum: round(checksum, 1_000),
  }
}

const plainArm = (index: Index): Arm => {
  say('the plain scorer is ready')
  return (query, depth) => run(searchPlainly, index, query, depth)
}

async function peerArm(shop: BenchShop): Promise<Arm> {
  const search = await openMiniSearch(shop)
  return (query, _, kind) => {
    const from = process.cpuUsage()
    const total = search(query, kind === 'misspelt')
    return { ms: cpuMsSince(from), total, best: 0 }
  }
}

function run(
  search: typeof searchLexical,
  index: Index,
  { text, filter, asks }: Query,
  depth: number,
): Outcome {
  const from = process.cpuUsage()
  if (asks === 'completions') {
    const total = suggest(index, text, depth, []).length
    return { ms: cpuMsSince(from), total, best: 0 }
  }
  const seen = asks === 'facets' ? new Uint8Array(index.docCount) : null
  const accept = filter ? acceptOf(index, filter.text) : undefined
  const { matches, total } = search(index, analyseQuery(text), depth, accept, seen)
  if (seen) facetsOf(tallyFacets(index, seen, FACETS))
  return { ms: cpuMsSince(from), total, best: matches[0]?.score ?? 0 }
}

function acceptOf(index: Index, text: string): DocMask {
  const filter = parseFilter(text)
  assert(filter.ok, `the filter ${text} is not understood`)
  return compileFilter(index, filter.value)
}

function cpuMsSince(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1_000
}

type Batch = readonly Outcome[]

function summarise(rounds: readonly Batch[]): Times & { mean: number } {
  const least = rounds[0]!.map((_, at) => Math.min(...rounds.map((outcomes) => outcomes[at]!.ms)))
  return { ...timesOf(least), mean: round(meanMs(rounds), 1_000) }
}

const meanMs = (rounds: readonly Batch[]): number => mean(rounds.flat().map(({ ms }) => ms))

const expectSame = (a: Outcome, b: Outcome) =>
  assert(a.total === b.total && a.best === b.best, 'both scorers give the same answer')

function timesOf(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1]!, 1_000)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
const round = (value: number, precision: number) => Math.round(value * precision) / precision
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

function print({ items, shop, machine, commit, bytes, rows, firstTime, checksum }: LexicalReport): void {
  const mb = (count: number) => `${(count / 1e6).toFixed(1)} MB`
  console.log(`${items} items, ${shop}; ${machine}; ${commit}`)
  console.log(
    `terms.arrow ${mb(bytes.termsFile)}; ${bytes.terms} terms; items.arrow ${mb(bytes.itemsFile)}\n`,
  )
  const others = (['plain', 'minisearch'] as const).filter((other) =>
    rows.some(({ ratios }) => ratios[other] !== null),
  )
  console.log(
    renderTable(
      ['query', 'depth', 'matches', 'p50 ms', 'p99', 'max', 'mean', ...others],
      rows.map(({ kind, depth, matches, p50, p99, max, mean, ratios }) => [
        kind,
        ...[depth, matches, p50, p99, max, mean].map(String),
        ...others.map((name) => (ratios[name] === null ? '' : `× ${ratios[name]}`)),
      ]),
    ),
  )
  for (const [kind, { p50, p99, max }] of Object.entries(firstTime))
    console.log(`${kind}, asked for the first time: p50 ${p50}, p99 ${p99}, max ${max} ms`)
  console.log(`checksum ${checksum}`)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      ...{ json: { type: 'boolean' }, smoke: { type: 'boolean' }, items: { type: 'string' } },
      ...{ plain: { type: 'boolean' }, 'no-peer': { type: 'boolean' } },
    },
  })
  const sizes = values.smoke
    ? SMOKE
    : { ...FULL, hasPlain: values.plain === true, hasPeer: !values['no-peer'] }
  if (sizes.hasPeer) installPeers()
  const report = await measureLexical({ ...sizes, items: Number(values.items ?? sizes.items) })
  if (values.json) console.log(JSON.stringify(report))
  else print(report)
}
