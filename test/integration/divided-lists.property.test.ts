/** @file Similar items, recommendations and suggestions of a divided index, or of one whose vectors lie elsewhere, are those of one isolate with all of it. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { applyEvents } from '../../functions/profile/profile.ts'
import { createIvfReader, type ReadRange } from '../../functions/ranking/ivf.ts'
import { toHits } from '../../functions/ranking/ranked.ts'
import { linearRanker } from '../../functions/ranking/ranker.ts'
import { createRemoteItemsOf } from '../../functions/ranking/remote-items.ts'
import { createShard, type Shard } from '../../functions/ranking/shard.ts'
import { createShards } from '../../functions/ranking/shards.ts'
import type { LoadedSignals } from '../../functions/ranking/signals.ts'
import { StageTimer } from '../../functions/ranking/stages.ts'
import { rankFor } from '../../functions/recommend/recommend.ts'
import { NO_RULES, type RecommendRequest } from '../../functions/recommend/request.ts'
import { SCENARIO_NAMES } from '../../functions/recommend/scenarios.ts'
import { findSimilar } from '../../functions/similar/similar.ts'
import { buildIvf } from '../../gpu-worker/indexing/build-ivf.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { createIndexItems, type ItemSource } from '../../shared/retrieval/item-source.ts'
import { buildIndex, placeVectors } from '../../shared/retrieval/load-index.ts'
import { suggest } from '../../shared/retrieval/suggest.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import type { Manifest } from '../../shared/schema/manifest.ts'
import { createPlainEngine } from '../../shared/vector/plain-engine.ts'
import { type Divided, type DividedRow, divideIndex } from '../fixtures/divided-index.ts'
import { createNodeDigest } from '../fixtures/node-digest.ts'

const SEED = 5
const NOW_MS = 1_760_000_000_000
const WORDS = ['red', 'blue', 'lamp', 'lamps', 'chair', 'speaker', 'wireless', 'stainless', 'steel', '音箱']
const NUMBER_MAX = 14
const number = fc.integer({ min: 1, max: NUMBER_MAX })

const row = fc.record({
  number,
  version: fc.integer({ min: 1, max: 3 }),
  title: fc.option(
    fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }).map((words) => words.join(' ')),
    { nil: undefined, freq: 8 },
  ),
  brand: fc.constantFrom('Nord', 'Sona', ''),
  category: fc.constantFrom<string[]>([], ['Audio'], ['Audio', 'Speakers'], ['Office']),
  stock: fc.constantFrom(0, 1, 5),
  vector: fc.option(
    fc
      .array(fc.integer({ min: -50, max: 50 }), { minLength: 4, maxLength: 4 })
      .map((numbers) => Float32Array.from(numbers)),
    { freq: 5 },
  ),
})
const segment = fc.uniqueArray(row, { selector: (one) => one.number, minLength: 1, maxLength: 9 })
const shop = fc.array(fc.tuple(segment, fc.nat(3)), { minLength: 1, maxLength: 5 }).map((parts) => ({
  segments: parts.map(([rows]) => rows as DividedRow[]),
  shardOf: parts.map(([, shard]) => shard),
}))
const counts = fc.uniqueArray(fc.tuple(number, fc.integer({ min: 1, max: 9 })), {
  selector: ([one]) => one,
  maxLength: 6,
})
const signals = fc.record({
  popular: counts,
  together: fc
    .array(fc.tuple(number, fc.uniqueArray(fc.tuple(number, fc.constantFrom(0.2, 0.9)), { maxLength: 4 })))
    .map((pairs) => new Map(pairs)),
  queries: fc.subarray([['red lamp', 9] as const, ['speaker', 4] as const, ['chair red', 3] as const]),
})
const history = fc.array(
  fc.tuple(number, fc.constantFrom('view', 'click', 'purchase', 'add-to-cart'), fc.nat(100)),
  { maxLength: 8 },
)
const typed = fc.constantFrom('re', 'red l', 'lmap', 'speker', 'qq red', 'stainles', 'blue qq l', '', 'x ')

const calm = () => new StageTimer(() => 0, { profile: 50, retrieve: 100, rank: 20, diversify: 20 })
const byHand = (features: Float32Array, rows: number) => ({
  scores: linearRanker.score(features, rows),
  degraded: [],
})
const eventsOf = (past: [number, string, number][]): StoredEvent[] =>
  past.map(([item, kind, minutes], at) => ({
    eventId: `e${at}`,
    kind: kind as StoredEvent['kind'],
    user: 'u',
    timeMs: NOW_MS - minutes * 60_000,
    items: [item],
    suspectedBot: false,
  }))

/** What the page may say, and what the shop may ask for. */
const RULED: Partial<RecommendRequest> = {
  recent: [{ kind: 'view', itemId: 'i3' }],
  rules: {
    ...NO_RULES,
    ...{ filter: [{ kind: 'range', field: 'stock', op: '<', value: 5 }], brandMax: 2 },
    boosts: [{ factor: 2, filter: [{ kind: 'facet', name: 'brand', value: 'nord', negated: false }] }],
    pins: ['i2'],
    sponsored: [{ itemId: 'i4', rank: 2 }],
  },
}

async function similarTo(items: ItemSource, known: LoadedSignals, id: string) {
  const found = await findSimilar(items, known, id, 10, calm())
  return found && { ...found, ranked: undefined, hits: await toHits(items, found.ranked) }
}
async function recommended(
  items: ItemSource,
  known: LoadedSignals,
  past: StoredEvent[],
  about: { itemId: string | undefined; cart: string[] },
  change: Partial<RecommendRequest> = {},
) {
  const request: RecommendRequest = {
    ...{ requestId: 'r', scenario: 'for-you', user: 'u', limit: 8, recent: [], ...about },
    ...{ rules: NO_RULES, language: 'en', objective: 'balanced', explain: false },
    ...change,
  }
  const found = await rankFor(items, known, applyEvents(null, past), request, NOW_MS, calm(), byHand)
  return { degraded: found.degraded, hits: await toHits(items, found.list) }
}

/** Waits that a test ends. */
let waits: AbortController[]
beforeEach(() => {
  waits = []
})
function shardsOf({ bucket }: Divided, change: (shard: Shard, at: number) => Shard = (shard) => shard) {
  const opened = new Map<number, Shard>()
  return createShards({
    open(_, at) {
      const shard = () =>
        change(
          createShard({
            bucket,
            engine: createPlainEngine(),
            clock: () => NOW_MS,
            createDigest: createNodeDigest,
          }),
          at,
        )
      return opened.get(at) ?? opened.set(at, shard()).get(at)!
    },
    clock: () => NOW_MS,
    timeout() {
      const wait = new AbortController()
      waits.push(wait)
      return wait.signal
    },
  })
}

describe('lists of a divided index', () => {
  it('are those of the whole one, however it is divided', async () => {
    await fc.assert(
      fc.asyncProperty(
        shop,
        signals,
        history,
        fc.record({
          itemId: fc.option(number, { nil: undefined }),
          cart: fc.array(number, { maxLength: 2 }),
        }),
        fc.boolean(),
        typed,
        async ({ segments, shardOf }, known, past, { itemId, cart }, trained, text) => {
          const divided = await divideIndex(segments, shardOf)
          const manifest = { ...divided.manifest, model: { ...divided.manifest.model, trained } }
          const whole = createIndexItems({ ...divided.index, manifest })
          const shards = shardsOf(divided)
          for (let one = 1; one <= NUMBER_MAX; one += 3) {
            const parts = shards.items(manifest)
            expect(await similarTo(parts, known, `i${one}`)).toEqual(await similarTo(whole, known, `i${one}`))
            expect(parts.degraded()).toEqual([])
          }
          const about = {
            itemId: itemId === undefined ? undefined : `i${itemId}`,
            cart: cart.map((one) => `i${one}`),
          }
          const events = eventsOf(past as [number, string, number][])
          const parts = shards.items(manifest)
          for (const change of [
            {},
            { ...RULED, scenario: SCENARIO_NAMES[past.length % SCENARIO_NAMES.length]! },
          ]) {
            const list = await recommended(parts, known, events, about, change)
            expect(list).toEqual(await recommended(whole, known, events, about, change))
          }
          const { suggestions, degraded } = await shards.suggest(manifest, text, 4, known.queries)
          expect(suggestions).toEqual(suggest(divided.index, text, 4, known.queries))
          expect(degraded).toEqual([])
        },
      ),
      { seed: SEED, numRuns: 40 },
    )
  })
})

describe('lists of a divided index with a bad shard', () => {
  const NONE: LoadedSignals = { popular: [], together: new Map(), queries: [] }
  const SEGMENTS = [0, 1].map((shard) =>
    [1, 2, 3].map((at) => ({
      number: 10 * shard + at,
      title: `red lamp ${at}`,
      vector: Float32Array.of(at, 1, shard, 0),
    })),
  )
  const fail = () => Promise.reject(new Error('out of memory'))

  it.each(['items', 'candidates'] as const)(
    'name one that fails in "%s"; the other answers',
    async (method) => {
      const divided = await divideIndex(SEGMENTS, [0, 1])
      const shards = shardsOf(divided, (shard, at) => (at === 1 ? { ...shard, [method]: fail } : shard))
      const items = shards.items(divided.manifest)
      const similar = await similarTo(items, NONE, 'i1')
      expect(similar!.hits.map(({ id }) => id).sort()).toEqual(['i2', 'i3'])
      expect(items.degraded()).toEqual(['shard-1-failed'])
      const forUser = shards.items(divided.manifest)
      const list = await recommended(forUser, NONE, eventsOf([[1, 'view', 1]]), {
        itemId: undefined,
        cart: [],
      })
      expect(list.hits.map(({ id }) => id).sort()).toEqual(['i1', 'i2', 'i3'])
      expect(forUser.degraded()).toEqual(['shard-1-failed'])
    },
  )

  it('leave out what a shard found when it falls silent before it tells of it', async () => {
    const divided = await divideIndex(SEGMENTS, [0, 1])
    let rounds = 0
    const shards = shardsOf(divided, (shard, at) =>
      at === 0
        ? shard
        : { ...shard, items: (slice, asked) => (rounds++ === 0 ? shard.items(slice, asked) : fail()) },
    )
    const items = shards.items(divided.manifest)
    const similar = await similarTo(items, NONE, 'i1')
    expect(similar!.hits.map(({ id }) => id).sort()).toEqual(['i2', 'i3'])
    expect(items.degraded()).toEqual(['shard-1-failed'])
  })

  it('an item of the shard that is missing is not found, and that is told; with no shard at all, nothing is', async () => {
    const divided = await divideIndex(SEGMENTS, [0, 1])
    const half = shardsOf(divided, (shard, at) => (at === 1 ? { ...shard, items: fail } : shard))
    const items = half.items(divided.manifest)
    expect(await similarTo(items, NONE, 'i11')).toBeNull()
    expect(items.degraded()).toEqual(['shard-1-failed'])
    expect(items.isDown()).toBe(false)
    const none = shardsOf(divided, (shard) => ({ ...shard, items: fail })).items(divided.manifest)
    expect(await similarTo(none, NONE, 'i1')).toBeNull()
    expect(none.isDown()).toBe(true)
  })

  it('do not wait for one that hangs', async () => {
    const divided = await divideIndex(SEGMENTS, [0, 1])
    const shards = shardsOf(divided, (shard, at) =>
      at === 1
        ? { ...shard, items: () => new Promise(() => {}), completions: () => new Promise(() => {}) }
        : shard,
    )
    await shards.prepare(divided.manifest)
    const items = shards.items(divided.manifest)
    const similar = similarTo(items, NONE, 'i1')
    const suggested = shards.suggest(divided.manifest, 're', 5, [])
    await new Promise((resolve) => setImmediate(resolve))
    for (const wait of waits) wait.abort()
    expect((await similar)!.hits).toHaveLength(2)
    expect(items.degraded()).toEqual(['shard-1-timeout'])
    const { suggestions, degraded } = await suggested
    expect(suggestions).toEqual(suggest(divided.index, 're', 5, []))
    expect(degraded).toEqual(['shard-1-timeout'])
  })
})

describe('lists of an index whose vectors lie elsewhere', () => {
  const EXACT = { threads: 1, seed: 1, listCount: 2 }

  /** Of all segments but the last, which the isolate scans itself. */
  async function elsewhere(
    { index, objects, bucket, manifest }: Divided,
    change = (bytes: Uint8Array) => bytes,
  ) {
    const covered = index.segments.slice(0, -1).map(({ segment: one }) => one)
    const files = await buildIvf(covered, manifest.model.dim, () => true, EXACT)
    if (!files) return null
    const put = async (key: string, bytes: Uint8Array) => {
      objects.set(key, bytes)
      return { key, bytes: bytes.length, sha256: await sha256Hex(bytes) }
    }
    const head = await put('head', files.head)
    const lists = await put('lists', files.lists)
    const segments = covered.map(({ ref }) => ref.id)
    const readRange: ReadRange = async (key, { offset, length }) => {
      const bytes = objects.get(key)!.slice(offset, offset + length)
      return key === 'lists' ? bytes : change(bytes)
    }
    const timeout = () => new AbortController().signal
    const remote = createIvfReader({ bucket, readRange, timeout })({
      ...{ modelId: manifest.model.id, head, lists, segments },
    })
    const engine = createPlainEngine()
    const parts = index.segments.map(({ segment: one }) =>
      remote.covers(one.ref.id) ? { rows: one.rows, dim: one.dim } : placeVectors(engine, one),
    )
    const bare = index.segments.map(({ segment: one }) =>
      remote.covers(one.ref.id) ? { ...one, vectors: new Uint8Array() } : one,
    )
    const items = createRemoteItemsOf({ readRange, timeout })
    return (whole: Manifest) => items(buildIndex(whole, bare, engine, parts), remote)
  }

  it('are those of the index with them', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(shop, signals, history, fc.boolean(), async ({ segments }, known, past, trained) => {
        const divided = await divideIndex(
          // A version is written once, or again with the same content.
          segments.map((rows, at) => rows.map((one) => ({ ...one, version: 8 * one.version! + at }))),
          segments.map(() => 0),
        )
        const manifest = { ...divided.manifest, model: { ...divided.manifest.model, trained } }
        const open = await elsewhere(divided)
        if (!open) return
        compared++
        const whole = createIndexItems({ ...divided.index, manifest })
        for (let one = 1; one <= NUMBER_MAX; one += 3)
          expect(await similarTo(open(manifest), known, `i${one}`)).toEqual(
            await similarTo(whole, known, `i${one}`),
          )
        const events = eventsOf(past as [number, string, number][])
        const [list, all] = await Promise.all(
          [open(manifest), whole].map((items) =>
            recommended(items, known, events, { itemId: undefined, cart: [] }),
          ),
        )
        // Reasons are chosen without the vectors of what is shown.
        const shown = (one: typeof list) => one!.hits.map((hit) => ({ ...hit, reasons: [] }))
        expect(shown(list)).toEqual(shown(all))
      }),
      { seed: SEED, numRuns: 25 },
    )
    expect(compared).toBeGreaterThan(10)
  })

  it('go without a vector that is not as it must be, and say so', async () => {
    const rows = [1, 2, 3].map((n) => ({
      number: n,
      title: `lamp ${n}`,
      vector: Float32Array.of(n, 1, 0, 0),
    }))
    const divided = await divideIndex([rows, [{ number: 9, title: 'chair' }]], [0, 0])
    const damage = fc.oneof(
      fc.nat(3).map((length) => (bytes: Uint8Array) => bytes.subarray(0, length)),
      fc.tuple(fc.nat(3), fc.integer({ min: 128, max: 255 })).map(
        ([at, code]) =>
          (bytes: Uint8Array) =>
            bytes.with(at, code),
      ),
    )
    await fc.assert(
      fc.asyncProperty(damage, async (change) => {
        const items = (await elsewhere(divided, change))!(divided.manifest)
        const none = { popular: [], together: new Map(), queries: [] }
        const similar = await similarTo(items, none, 'i1')
        expect(similar!.hits.map(({ id }) => id)).toEqual(['i2', 'i3'])
        expect(items.degraded()).toEqual(['vectors-failed'])
      }),
      { seed: SEED, numRuns: 40 },
    )
  })
})
