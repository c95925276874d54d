/**
 * @file The Worker's side of a divided index: asks the shards that the manifest's placement names, waits so long and no longer, and
 * makes one reply of what came. A shard that hangs, fails or answers of another version is named and left out; the others answer.
 */
import { assert } from '../../shared/lib/result.ts'
import { addTallies, tallyItems } from '../../shared/retrieval/facets.ts'
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { type LexicalPlan, planAsWritten, planLexical } from '../../shared/retrieval/lexical.ts'
import { gatherAnswers, type ShardAnswer, shardQueryOf } from '../../shared/retrieval/shard.ts'
import type { FoundItem, Source } from '../../shared/retrieval/source.ts'
import {
  isNothing,
  type KnownStatistics,
  knownStatistics,
  learn,
  nothingKnown,
  type Statistics,
} from '../../shared/retrieval/statistics.ts'
import { mergeSuggestions, type PastQuery, restsOf } from '../../shared/retrieval/suggest.ts'
import type { VectorFault } from '../../shared/retrieval/vector-faults.ts'
import type { Manifest } from '../../shared/schema/manifest.ts'
import { beforeEnd } from './before-end.ts'
import { type Shard, type ShardReply, type Slice, sliceOf } from './shard.ts'
import { createShardItems } from './shard-items.ts'

/** One round of questions. A search makes two: what the words weigh is mostly known, at most three rounds more when it is not. */
export const ROUND_BUDGET_MS = 150
/** A shard that was too late is not waited for again before this time is over: one that hangs would slow down every search. */
export const REST_MS = 2_000
/** Loading a shard for the first time; the index before it serves meanwhile. */
export const PREPARE_BUDGET_MS = 20_000
/** Frequencies, then misspellings, then frequencies of what was meant. */
const STATISTICS_ROUNDS_MAX = 4
/** Shards of which it is known when they were late, those of old placements included. */
const LATE_MAX = 1_000
/** Terms whose frequencies are kept, about 100 bytes each. */
const TERMS_KNOWN_MAX = 20_000

/** Why a shard cannot load its part, as it says itself (`Unusable`). */
const LOAD_FAULTS = ['segment-corrupt', 'dead-rows-corrupt', 'blob-corrupt', 'blob-missing'] as const
export type Fault = 'timeout' | 'failed' | 'version' | (typeof LOAD_FAULTS)[number]
export type Shards = {
  source(manifest: Manifest): Source
  /** For one request: what was loaded is kept. */
  items(manifest: Manifest): ItemSource
  /** What `suggest` gives, of the shards that answered. */
  suggest(
    manifest: Manifest,
    typed: string,
    limit: number,
    past: readonly PastQuery[],
  ): Promise<{ suggestions: string[]; degraded: string[] }>
  /** Resolves when every shard has loaded this version, or the time is over; names those that have not. */
  prepare(manifest: Manifest): Promise<string[]>
  /** Which of the rows the index shows, in this or a newer version; false where the shard that would know does not answer. */
  has(manifest: Manifest, rows: readonly { number: number; version: number }[]): Promise<boolean[]>
}

type Deps = {
  /** The shard of a placement; the same for the same name. */
  open(placementId: string, shard: number): Shard
  /** Unix milliseconds. */
  clock: () => number
  /** Ends a wait. Replaced in tests. */
  timeout?: (ms: number) => AbortSignal
  /** Why a shard did not answer: for the log. */
  log?: (message: string) => void
}

/** A shard of one request: `fault` once it is out of it, `short` of vectors of which an answer lacked some. */
type Asking = {
  name: string
  key: string
  shard: Shard
  slice: Slice
  fault: Fault | null
  short: Set<VectorFault>
}

export function createShards({
  open,
  clock,
  timeout = (ms) => AbortSignal.timeout(ms),
  log = () => {},
}: Deps): Shards {
  const knownOf = new WeakMap<Manifest, KnownStatistics>()
  const slicesOf = new WeakMap<Manifest, Slice[]>()
  /** By placement and shard: when it was too late. */
  const lateMs = new Map<string, number>()

  const openAll = (manifest: Manifest): Asking[] => {
    const { placement } = manifest
    assert(placement, 'a divided index has a placement')
    const slices = slicesOf.get(manifest) ?? placement.shards.map((_, at) => sliceOf(manifest, at))
    slicesOf.set(manifest, slices)
    return placement.shards.map((_, at) => ({
      name: `shard-${at}`,
      key: `${placement.id}/${at}`,
      shard: open(placement.id, at),
      slice: slices[at]!,
      fault: null,
      short: new Set(),
    }))
  }

  /** The shards of a search, those that rest out of it already. */
  const openRested = (manifest: Manifest): Asking[] =>
    openAll(manifest).map((one) => {
      const late = lateMs.get(one.key)
      return late !== undefined && clock() - late < REST_MS ? { ...one, fault: 'timeout' as const } : one
    })

  /** Ask all that are still in it at once; who gives no good answer in time is out. In the order of `asking`. */
  async function ask<T>(
    asking: readonly Asking[],
    budgetMs: number,
    question: (one: Asking) => Promise<ShardReply<T>>,
  ): Promise<{ one: Asking; value: T }[]> {
    const signal = timeout(budgetMs)
    const answers = await Promise.all(
      asking
        .filter(({ fault }) => fault === null)
        .map(async (one) => {
          try {
            const reply = await beforeEnd(question(one), signal)
            if (reply === 'timeout') {
              one.fault = 'timeout'
              if (lateMs.size >= LATE_MAX) lateMs.clear()
              lateMs.set(one.key, clock())
            } else if (reply.version !== one.slice.version) one.fault = 'version'
            else {
              for (const name of reply.short ?? []) one.short.add(name)
              return [{ one, value: reply.value }]
            }
          } catch (error) {
            one.fault = faultOf(error)
            log(`${one.name} failed: ${String(error)}`)
          }
          return []
        }),
    )
    return answers.flat()
  }

  /** What the query's words weigh in the whole shop. */
  async function plan(
    manifest: Manifest,
    asking: readonly Asking[],
    planWith: (statistics: Statistics) => LexicalPlan,
  ): Promise<LexicalPlan> {
    const shop = shopOf(manifest)
    const cached = knownOf.get(manifest)
    let known = cached && cached.df.size + cached.prefixDf.size < TERMS_KNOWN_MAX ? cached : nothingKnown()
    knownOf.set(manifest, known)
    for (let round = 0; round < STATISTICS_ROUNDS_MAX; round++) {
      const look = knownStatistics(shop, known)
      const made = planWith(look.statistics)
      const asked = look.asked()
      if (isNothing(asked)) return made
      const told = await ask(asking, ROUND_BUDGET_MS, ({ shard, slice }) => shard.statistics(slice, asked))
      // What a part of the shop says is good enough for this reply, and must not be remembered.
      if (told.length < asking.length) known = copyOf(known)
      learn(
        known,
        asked,
        told.map(({ value }) => value),
      )
    }
    throw new Error('planning a query asks for more than it may')
  }

  return {
    source: (manifest) => ({
      async retrieve(retrieval) {
        const asking = openRested(manifest)
        const words =
          retrieval.vectorWeight < 1
            ? await plan(manifest, asking, (shop) => planLexical(shop, retrieval.terms))
            : null
        const query = shardQueryOf(retrieval, words)
        const answers = await ask<ShardAnswer>(asking, ROUND_BUDGET_MS, ({ shard, slice }) =>
          shard.search(slice, query),
        )
        if (answers.length === 0) return null
        const { page, total, facets, uncounted } = gatherAnswers(
          manifest,
          retrieval,
          words,
          answers.map(({ value }) => value),
        )
        const wanted = [...page, ...uncounted]
        const holders = new Set(wanted.map(({ shard }) => answers[shard]!.one))
        const ofHolder = (one: Asking) => wanted.filter(({ shard }) => answers[shard]!.one === one)
        const shown = await ask([...holders], ROUND_BUDGET_MS, (one) =>
          one.shard.show(
            one.slice,
            ofHolder(one).map(({ number }) => number),
          ),
        )
        const displays = new Map(
          shown.flatMap(({ one, value }) =>
            ofHolder(one).map(({ number }, at) => [number, value[at] ?? null]),
          ),
        )
        const items = page.flatMap(({ number, score, words: matched }): FoundItem[] => {
          const display = displays.get(number)
          return display ? [{ number, score, words: matched, display }] : []
        })
        const counted = uncounted.flatMap(({ number }) => displays.get(number) ?? [])
        return {
          items,
          total,
          facets: addTallies([facets, tallyItems(counted, retrieval.facets)]),
          degraded: [...faultsOf(asking), ...shortOf(asking)],
        }
      },
    }),
    items(manifest) {
      const asking = openRested(manifest)
      return createShardItems({
        manifest,
        async round(question, isAsked = () => true) {
          const asked = asking.filter((_, at) => isAsked(at))
          const told = await ask(asked, ROUND_BUDGET_MS, (one) =>
            question(one.shard, one.slice, asking.indexOf(one)),
          )
          return told.map(({ one, value }) => ({ at: asking.indexOf(one), value }))
        },
        planOf: (terms) => plan(manifest, asking, (shop) => planAsWritten(shop, terms)),
        faults: () => faultsOf(asking),
        short: () => shortOf(asking),
      })
    },
    async suggest(manifest, typed, limit, past) {
      const asking = openRested(manifest)
      const asked = restsOf(typed, limit, past)
      const told = await ask(asking, ROUND_BUDGET_MS, ({ shard, slice }) => shard.completions(slice, asked))
      const completions = told.map(({ value }) => value)
      return { suggestions: mergeSuggestions(asked, past, completions), degraded: faultsOf(asking) }
    },
    async prepare(manifest) {
      const asking = openAll(manifest)
      await ask(asking, PREPARE_BUDGET_MS, ({ shard, slice }) => shard.prepare(slice))
      return faultsOf(asking)
    },
    async has(manifest, rows) {
      const told = await ask(openAll(manifest), ROUND_BUDGET_MS, ({ shard, slice }) => shard.has(slice, rows))
      return rows.map((_, at) => told.some(({ value }) => value[at]))
    },
  }
}

const faultsOf = (asking: readonly Asking[]): string[] =>
  asking.flatMap(({ name, fault }) => (fault ? [`${name}-${fault}`] : []))

const shortOf = (asking: readonly Asking[]): string[] =>
  asking.flatMap(({ name, short }) => [...short].map((fault) => `${name}-${fault}`))

/** An exception of a shard, on this side of the call. */
const faultOf = (error: unknown): Fault => {
  const message = error instanceof Error ? error.message : ''
  return LOAD_FAULTS.find((fault) => message.startsWith(`${fault}: `)) ?? 'failed'
}

const shopOf = ({ segments, placement }: Manifest) => ({
  docCount: segments.reduce((sum, { rows }) => sum + rows, 0),
  averageLength: placement!.liveCount > 0 ? placement!.lengthSum / placement!.liveCount : 1,
})

const copyOf = ({ df, prefixDf, near }: KnownStatistics): KnownStatistics => ({
  df: new Map(df),
  prefixDf: new Map(prefixDf),
  near: new Map(near),
})
