/** @file A shop to measure: its manifest as the worker would publish it, what its shoppers did, and what is asked of it. */
import { type PlacementLimits, planShards } from '../../gpu-worker/indexing/plan-placement.ts'
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import type { Signals } from '../../shared/schema/events.ts'
import type { Item } from '../../shared/schema/item.ts'
import type { Manifest } from '../../shared/schema/manifest.ts'
import type { BuiltSegment, Segments, Texts } from './growth-segments.ts'
import { misspell } from './lexical-queries.ts'
import { queryFrom } from './shop.ts'
import { DIM } from './vector-sets.ts'

const SEED = 31
/** `search` is hybrid, as shoppers get it; the vector of each query is at hand. */
export const KINDS = ['search', 'search, words alone', 'search, misspelt', 'recommend', 'similar'] as const
export type Kind = (typeof KINDS)[number]

/** As `aisle train` found them on the largest judged set; hybrid, so that every search looks at vectors too. */
const FUSION = { vectorWeight: 0.4, numberWeight: 0.2 }
const HITS = 20
/** As many as there may be, and half of the pairs that there may be. */
const POPULAR = 1_000
const TOGETHER = 5_000
const PARTNERS = 10
const EVENTS_MIN = 10
const EVENTS_MAX = 20
/** A shopper looks at so many parts of the range, and in each at neighbours of the catalogue, which are alike. */
const INTERESTS = 3
const INTEREST_ROWS = 30
/** A new one is looked for so many times before one comes twice. */
const TRIES = 20

export type ShopSize = {
  items: number
  texts: Texts
  rowsPerSegment: number
  /** When the worker divides it; null: never. */
  limits: PlacementLimits | null
}
export type Ask = { kind: Kind; path: string }
/** Plain data, for other processes. */
export type Shop = {
  size: ShopSize
  folder: string
  manifest: Manifest
  signals: Signals
  /** Item numbers, in the order of time. */
  shoppers: { userId: string; items: number[] }[]
  /** f32[DIM] by query. */
  queryVectors: Map<string, Float32Array>
  warmUp: Ask[]
  asked: Ask[]
  built: { cpuSeconds: number; bytes: number }
}

/** @param counts requests of each kind */
export async function openShop(
  segments: Segments,
  size: ShopSize,
  counts: { warmUp: number; asked: number },
): Promise<Shop> {
  const built: BuiltSegment[] = []
  for (let from = 0; from < size.items; from += size.rowsPerSegment)
    built.push(await segments.build(size.texts, from, Math.min(size.items, from + size.rowsPerSegment)))
  const products = await segments.products()
  const random = createRandom(SEED)
  const shoppers = Array.from({ length: counts.warmUp + counts.asked }, (_, at) => ({
    userId: `shopper-${at}`,
    items: interestsOf(size.items, random),
  }))
  const asks = makeAsks(products, size.items, shoppers.length, random)
  const texts = [...new Set(asks.flatMap(({ text }) => text ?? []))]
  const vectors = await segments.encode(`queries-${size.items}`, texts)
  const of = (kind: Kind) => asks.filter((ask) => ask.kind === kind)
  const part = (from: number, to: number) => interleave(KINDS.map((kind) => of(kind).slice(from, to)))
  return {
    size,
    folder: segments.folder,
    manifest: manifestOf(built, size),
    signals: signalsOf(size.items, shoppers, random),
    shoppers,
    queryVectors: new Map(texts.map((text, at) => [text, vectors[at]!])),
    warmUp: part(0, counts.warmUp),
    asked: part(counts.warmUp, counts.warmUp + counts.asked),
    built: {
      cpuSeconds: built.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      bytes: built.reduce((sum, { ref }) => sum + bytesOf(ref), 0),
    },
  }
}

const bytesOf = ({ items, terms }: BuiltSegment['ref']): number => items.bytes + terms.bytes

function manifestOf(built: readonly BuiltSegment[], { limits }: ShopSize): Manifest {
  const refs = built.map(({ ref }) => ref)
  const plan =
    limits &&
    planShards(
      null,
      refs.map((ref) => ({ id: ref.id, bytes: bytesOf(ref) })),
      limits,
    )
  const whole = fixtureManifest(refs, { fusion: FUSION })
  const placement = plan && {
    ...{ id: 'v1', shards: plan.shards, deadRows: {} },
    liveCount: refs.reduce((sum, { rows }) => sum + rows, 0),
    lengthSum: built.reduce((sum, { lengthSum }) => sum + lengthSum, 0),
  }
  return {
    ...whole,
    model: { ...whole.model, trained: true, dim: DIM, layers: 4 },
    ...(placement ? { placement } : {}),
  }
}

function interestsOf(items: number, random: Random): number[] {
  const places = Array.from({ length: INTERESTS }, () => Math.floor(random() * items))
  const count = EVENTS_MIN + Math.floor(random() * (EVENTS_MAX - EVENTS_MIN + 1))
  return Array.from({ length: count }, () => {
    const place = places[Math.floor(random() * INTERESTS)]!
    return 1 + Math.min(items - 1, place + Math.floor(random() * INTEREST_ROWS))
  })
}

/** Popular things by Zipf's law, and partners for much of what shoppers looked at. */
function signalsOf(items: number, shoppers: readonly { items: number[] }[], random: Random): Signals {
  const any = () => 1 + Math.floor(random() * items)
  const popular = [...new Set(Array.from({ length: POPULAR }, any))]
  const seen = [...new Set(shoppers.flatMap((shopper) => shopper.items))].slice(0, TOGETHER)
  return {
    computedAt: '2026-01-01T00:00:00Z',
    popular: popular.map((number, at) => [number, POPULAR / (at + 1)]),
    together: Object.fromEntries(
      seen.map((number) => [
        number,
        Array.from({ length: PARTNERS }, (_, at): [number, number] => [any(), 1 / (at + 1)]),
      ]),
    ),
    queries: [],
  }
}

/** Of each kind so many, none twice while there are enough. */
function makeAsks(
  products: readonly Item[],
  items: number,
  count: number,
  random: Random,
): (Ask & { text?: string })[] {
  const own = products.slice(0, items)
  const titleOf = () => own[Math.floor(random() * own.length)]!.title
  const search = (kind: Kind, more: string, makeText: () => string) =>
    distinct(count, makeText).map((text) => ({
      ...{ kind, text },
      path: `/v1/search?limit=${HITS}${more}&q=${encodeURIComponent(text)}`,
    }))
  const words = () => queryFrom(titleOf(), random)
  const wrong = () => {
    const [first, second] = [titleOf(), titleOf()].map((title) => title.match(/[a-z]{6,}/gi)?.[0])
    return first && second ? `${second} ${misspell(first.toLowerCase(), random)}` : ''
  }
  const ids = distinct(count, () => {
    const at = Math.floor(random() * items)
    const copy = Math.floor(at / products.length)
    const { id } = products[at % products.length]!
    return copy === 0 ? id : `${id}-${copy}`
  })
  return [
    ...search('search', '', words),
    ...search('search, words alone', '&mode=lexical', words),
    ...search('search, misspelt', '', wrong),
    ...Array.from({ length: count }, (_, at) => ({
      kind: 'recommend' as const,
      path: `/v1/recommendations?limit=${HITS}&userId=shopper-${at}`,
    })),
    ...ids.map((id) => ({
      kind: 'similar' as const,
      path: `/v1/items/${encodeURIComponent(id)}/similar?limit=${HITS}`,
    })),
  ]
}

function distinct(count: number, make: () => string): string[] {
  const known = new Set<string>()
  return Array.from({ length: count }, () => {
    let text = ''
    for (let tries = 0; text.trim() === '' || (known.has(text) && tries < TRIES); tries++) text = make()
    known.add(text)
    return text
  })
}

/** One of each in turn, as a shop is asked. */
const interleave = <T>(lists: readonly (readonly T[])[]): T[] =>
  Array.from({ length: lists[0]?.length ?? 0 }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat()
