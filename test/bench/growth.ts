/**
 * @file Whole requests, from a thousand items to a million: what they cost, what an isolate holds, how a cold one begins, and how
 * all of it grows.
 *
 *   node test/bench/growth.ts [--items 1000,10000,…] [--requests N] [--only requests|cold] [--profile] [--json] [--smoke] [--help]
 *
 * The deployed bundle in Node, each shop in a fresh process: key, routes, validation, ranking and JSON, one request at a time. A
 * request begins when the edge is handed it and ends when its reply is made; profiles and query vectors are in memory. Kinds take
 * turns, and no query, shopper or item comes twice.
 *
 * An index that the worker would divide is divided as it would be, each shard in a process of its own. `ms` is then what shoppers would wait for
 * with a machine for each shard, the network left out: the Worker's own time and, of each round, the slowest shard's. `CPU` is the sum
 * of the Worker and of all shards: what it costs, not what it lasts. Here every shard is waited for; in the cloud one that takes longer
 * than `ROUND_BUDGET_MS`, as a cold one may, is left out of the reply, which says so.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sliceOf } from '../../functions/ranking/shard.ts'
import { ROWS_PER_SEGMENT } from '../../gpu-worker/indexing/plan-merge.ts'
import { LIMITS } from '../../gpu-worker/indexing/plan-placement.ts'
import type { Cost, Outcome, Task } from './growth-edge.ts'
import { type Held, NODE_FLAGS, writeBundle } from './growth-isolate.ts'
import { print } from './growth-print.ts'
import { openSegments } from './growth-segments.ts'
import { KINDS, type Kind, openShop, type Shop, type ShopSize } from './growth-shop.ts'
import { say } from './lexical-shop.ts'
import { commit, machine, type Spread, spread } from './measure.ts'
import type { ProfileLine } from './own-profile.ts'

/** Beyond this many items nobody waits for a cold start: shards are loaded before they are asked. */
const COLD_ITEMS_MAX = 100_000
const PROFILE_LINES = 14
const MB = 1e6

export type GrowthSizes = {
  shops: ShopSize[]
  source: 'real' | 'sample'
  /** Of each kind. */
  requests: { warmUp: number; asked: number }
  coldRuns: number
  /** Are the warm requests made under the profiler, which makes them slower? */
  isProfiled: boolean
  parts: ('requests' | 'cold')[]
}
const whole = (items: number): ShopSize => ({
  ...{ items, texts: 'whole', rowsPerSegment: ROWS_PER_SEGMENT, limits: LIMITS },
})
/** Titles without descriptions and attributes: a hundred thousand of them fit in one isolate. */
const titles: ShopSize = { ...whole(100_000), texts: 'titles' }
export const FULL: GrowthSizes = {
  ...{ shops: shopsOf([1_000, 10_000, 100_000, 1_000_000]), source: 'real' },
  ...{ requests: { warmUp: 200, asked: 500 }, coldRuns: 5, isProfiled: false, parts: ['requests', 'cold'] },
}
export const SMOKE: GrowthSizes = {
  shops: [
    whole(100),
    { ...whole(200), rowsPerSegment: 100, limits: { isolateBytesMax: 1, shardBytesMax: 1 } },
  ],
  ...{
    source: 'sample',
    requests: { warmUp: 2, asked: 4 },
    coldRuns: 1,
    isProfiled: true,
    parts: ['requests', 'cold'],
  },
}

function shopsOf(counts: readonly number[]): ShopSize[] {
  return counts.flatMap((items) => (items === titles.items ? [whole(items), titles] : [whole(items)]))
}

export type Tail = { p50: number; p99: number }
export type KindRow = { kind: Kind; ms: Tail; cpuMs: Tail; hereMs: Tail; rounds: number }
export type ColdRow = { ms: Spread; hereMs: Spread; cpuMs: Spread; stages: string; profile: ProfileLine[] }
export type ShopRow = {
  items: number
  texts: ShopSize['texts']
  /** 1, or the Worker and its shards. */
  isolates: number
  kinds: KindRow[]
  /** Of the warm requests, in the Worker; empty unless asked for. */
  profile: ProfileLine[]
  cold: ColdRow | null
  /** Megabytes held after all requests: by the isolate with most, on its heap and outside of it, and by all together. */
  held: { most: number; heap: number; outside: number; all: number }
  /** The same after the first request, of an isolate with what the first shard has, and what its `/v1/status` says. */
  begun: { held: number; heap: number; outside: number; claimed: number }
  fetchedMb: number
  build: { cpuSeconds: number; megabytes: number }
  checksum: number
}
/** Of y ≈ a · items^exponent, by least squares on logarithms. */
export type Fit = { what: string; values: number[]; exponent: number }
export type GrowthReport = {
  machine: string
  commit: string
  catalogue: string
  requests: number
  shops: ShopRow[]
  fits: Fit[]
}

export async function measureGrowth(sizes: GrowthSizes): Promise<GrowthReport> {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-growth-'))
  try {
    const bundle = join(folder, 'edge')
    mkdirSync(bundle)
    await writeBundle(bundle)
    const segments = await openSegments(sizes.source, join(folder, 'segments'))
    const shops: ShopRow[] = []
    for (const size of sizes.shops) {
      say(`${size.items} items, ${size.texts}`)
      shops.push(await measureShop(await openShop(segments, size, sizes.requests), bundle, sizes))
    }
    return {
      ...{ machine: machine(), commit: commit(), catalogue: segments.name },
      ...{ requests: sizes.requests.asked, shops, fits: fitAll(shops) },
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureShop(shop: Shop, bundle: string, sizes: GrowthSizes): Promise<ShopRow> {
  const { manifest, size, built } = shop
  const cold = (of: Shop, isProfiled = false) => runEdge({ bundle, shop: of, isCold: true, isProfiled })
  const first: Shop = manifest.placement ? { ...shop, manifest: sliceOf(manifest, 0).manifest } : shop
  if (sizes.parts.includes('requests')) say(`asks ${shop.warmUp.length + shop.asked.length} requests`)
  const warm = sizes.parts.includes('requests')
    ? await runEdge({ bundle, shop, isCold: false, isProfiled: sizes.isProfiled })
    : null
  const runs: Outcome[] = []
  const isColdAsked = sizes.parts.includes('cold') && size.items <= COLD_ITEMS_MAX
  for (let run = 0; isColdAsked && run < sizes.coldRuns; run++) {
    say(`cold, run ${run + 1}`)
    // Another query each time.
    runs.push(await cold({ ...shop, asked: shop.asked.slice(run * KINDS.length) }))
  }
  const begun = (manifest.placement ? null : runs[0]) ?? (await cold(first))
  const { held, fetchedBytes, checksum } = warm ?? runs[0] ?? begun
  const { held: most, ...where } = heldMb(held.toSorted((a, b) => bytesOf(b) - bytesOf(a))[0]!)
  return {
    ...{ items: size.items, texts: size.texts, isolates: 1 + (manifest.placement?.shards.length ?? 0) },
    kinds: warm ? KINDS.map((kind) => kindRow(kind, warm.costs)) : [],
    profile: warm?.profile?.slice(0, PROFILE_LINES) ?? [],
    cold: isColdAsked ? coldRow(runs, (await cold(shop, true)).profile ?? []) : null,
    held: { most, ...where, all: inMb(held.reduce((sum, one) => sum + bytesOf(one), 0)) },
    begun: { ...heldMb(begun.held[0]!), claimed: inMb(begun.claimedBytes) },
    fetchedMb: inMb(fetchedBytes),
    build: { cpuSeconds: round(built.cpuSeconds, 10), megabytes: inMb(built.bytes) },
    checksum: round(checksum, 1_000),
  }
}

function kindRow(kind: Kind, costs: readonly Cost[]): KindRow {
  const own = costs.filter((cost) => cost.kind === kind)
  const tail = (of: (cost: Cost) => number) => tailOf(own.map(of))
  return {
    ...{
      kind,
      ms: tail(({ ms }) => ms),
      cpuMs: tail(({ cpuMs }) => cpuMs),
      hereMs: tail(({ hereMs }) => hereMs),
    },
    rounds: round(own.reduce((sum, { rounds }) => sum + rounds, 0) / own.length, 10),
  }
}

function coldRow(runs: readonly Outcome[], profile: readonly ProfileLine[]): ColdRow {
  const of = (value: (cost: Cost) => number) =>
    spread(
      runs.map(({ costs }) => value(costs[0]!)),
      10,
    )
  return {
    ...{ ms: of(({ ms }) => ms), hereMs: of(({ hereMs }) => hereMs), cpuMs: of(({ cpuMs }) => cpuMs) },
    ...{ stages: runs.at(-1)!.stages, profile: profile.slice(0, PROFILE_LINES) },
  }
}

async function runEdge(task: Task): Promise<Outcome> {
  const child = fork(join(import.meta.dirname, 'growth-edge.ts'), {
    ...{ serialization: 'advanced', execArgv: NODE_FLAGS },
  })
  child.send(task)
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the edge's process ended with code ${code}`)
  })
  // After its answer it ends too, and nobody waits for that.
  ended.catch(() => {})
  const [outcome] = (await Promise.race([once(child, 'message'), ended])) as [Outcome]
  return outcome
}

/** Of the shops with whole products. */
function fitAll(shops: readonly ShopRow[]): Fit[] {
  const rows = shops.filter(({ texts }) => texts === 'whole')
  if (rows.length < 2) return []
  const fit = (what: string, of: (row: ShopRow) => number): Fit[] => {
    const values = rows.map(of)
    const exponent = slope(
      rows.map(({ items }) => Math.log(items)),
      values.map(Math.log),
    )
    return Number.isFinite(exponent) ? [{ what, values, exponent: round(exponent, 100) }] : []
  }
  const ofKind = (kind: Kind) =>
    (['ms', 'cpuMs'] as const).flatMap((unit) =>
      (['p50', 'p99'] as const).flatMap((at) =>
        fit(`${kind}, ${unit === 'ms' ? 'ms' : 'CPU ms'} ${at}`, ({ kinds }) =>
          kinds.length > 0 ? kinds.find((row) => row.kind === kind)![unit][at] : Number.NaN),
      ),
    )
  return [
    ...(['search', 'recommend', 'similar'] as const).flatMap(ofKind),
    ...fit('MB held by the isolate with most', ({ held }) => held.most),
    ...fit('MB held by all isolates', ({ held }) => held.all),
    ...fit('MB fetched', ({ fetchedMb }) => fetchedMb),
    ...fit('CPU seconds to build', ({ build }) => build.cpuSeconds),
  ]
}

/** b of the line y = a + b x with the least squares. */
function slope(xs: readonly number[], ys: readonly number[]): number {
  const [x, y] = [mean(xs), mean(ys)]
  const over = xs.reduce((sum, value, at) => sum + (value - x) * (ys[at]! - y), 0)
  return over / xs.reduce((sum, value) => sum + (value - x) ** 2, 0)
}

function tailOf(values: readonly number[]): Tail {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1]!, 1_000)
  return { p50: at(0.5), p99: at(0.99) }
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const round = (value: number, precision: number) => Math.round(value * precision) / precision
const bytesOf = ({ heap, outside }: Held) => heap + outside
const heldMb = (held: Held) => ({
  ...{ held: inMb(bytesOf(held)), heap: inMb(held.heap), outside: inMb(held.outside) },
})
const inMb = (bytes: number) => round(bytes / MB, 10)

const HELP = `node test/bench/growth.ts [options]

  --items 1000,10000   sizes of the shop; default 1000,10000,100000,1000000
  --requests N         of each kind; default ${FULL.requests.asked}
  --only requests|cold one part
  --profile            where the time of the warm requests goes; they are slower for it, and hold more
  --json               the report as JSON
  --smoke              a small shop, which takes seconds

Segments are kept in .cache/bench: a million items take minutes and 1.2 GB when they are asked for the first time.`

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      ...{ items: { type: 'string' }, requests: { type: 'string' }, only: { type: 'string' } },
      ...{
        json: { type: 'boolean' },
        smoke: { type: 'boolean' },
        profile: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    },
  })
  if (values.help) console.log(HELP)
  else {
    const sizes = { ...(values.smoke ? SMOKE : FULL) }
    if (values.items) sizes.shops = shopsOf(values.items.split(',').map(Number))
    if (values.requests) sizes.requests = { ...sizes.requests, asked: Number(values.requests) }
    if (values.profile) sizes.isProfiled = true
    if (values.only) sizes.parts = sizes.parts.filter((part) => part === values.only)
    const report = await measureGrowth(sizes)
    if (values.json) console.log(JSON.stringify(report))
    else print(report)
  }
}
