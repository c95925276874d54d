/** @file Items of a divided index: facts, vectors and candidates come from its shards, in rounds, and are kept for one request. */
import { assert } from '../../shared/lib/result.ts'
import type { Ranked } from '../../shared/retrieval/fusion.ts'
import {
  type Among,
  type ItemSource,
  rangeStep,
  varyPlainly,
  type Wanted,
} from '../../shared/retrieval/item-source.ts'
import type { LexicalPlan } from '../../shared/retrieval/lexical.ts'
import { mergeBest } from '../../shared/retrieval/merge-best.ts'
import type { CandidatesAsked, ItemFacts, ItemsAsked } from '../../shared/retrieval/shard-items.ts'
import type { Display } from '../../shared/retrieval/source.ts'
import type { Manifest } from '../../shared/schema/manifest.ts'
import type { QueryTerm } from '../../shared/text/analyse.ts'
import type { Shard, ShardReply, Slice } from './shard.ts'

/** The shards of one request, asked in rounds of a bounded time. `shard` is a position in the placement. */
export type Round = <T>(
  question: (shard: Shard, slice: Slice, at: number) => Promise<ShardReply<T>>,
  /** Whom to ask; all, when it is not said. */
  isAsked?: (at: number) => boolean,
) => Promise<{ at: number; value: T }[]>

type Deps = {
  manifest: Manifest
  round: Round
  planOf(terms: readonly QueryTerm[]): Promise<LexicalPlan>
  /** Shards that did not answer. */
  faults(): string[]
  /** Vectors that those lack which did. */
  short(): string[]
}

const NOTHING: ItemsAsked = { ids: [], numbers: [], docs: [], vectors: [], displays: [] }

/** A document is an item number here. */
export function createShardItems({ manifest, round, planOf, faults, short }: Deps): ItemSource {
  const { placement } = manifest
  assert(placement, 'a divided index has a placement')
  const facts = new Map<number, ItemFacts>()
  const numberOfId = new Map<string, number>()
  const vectors = new Map<number, Float32Array | null>()
  const displays = new Map<number, Display>()
  /** Who has an item, as far as that is known. */
  const shardOf = new Map<number, number>()

  function keep(at: number, one: ItemFacts): void {
    facts.set(one.number, one)
    numberOfId.set(one.id, one.number)
    shardOf.set(one.number, at)
  }

  async function load(wanted: Wanted): Promise<void> {
    const known = { ...NOTHING, ...wanted }
    const vectorsWanted = [...known.vectors, ...(wanted.reasonVectors ?? [])]
    const isMissing = (number: number) => !facts.has(number)
    const ids = known.ids.filter((id) => !numberOfId.has(id))
    const numbers = [...new Set([...known.numbers, ...known.docs])].filter(isMissing)
    const ownVectors = vectorsWanted.filter((number) => !vectors.has(number))
    const ownDisplays = known.displays.filter((number) => !displays.has(number))
    const asked = placement!.shards.map((_, at): ItemsAsked => {
      // One whose shard is not known yet is asked for everywhere.
      const isOwn = (number: number) => (shardOf.get(number) ?? at) === at
      return {
        ids,
        numbers: numbers.filter(isOwn),
        docs: [],
        vectors: ownVectors.filter(isOwn),
        displays: ownDisplays.filter(isOwn),
      }
    })
    const told = await round(
      (shard, slice, at) => shard.items(slice, asked[at]!),
      (at) => Object.values(asked[at]!).some((list) => list.length > 0),
    )
    for (const { at, value } of told) {
      for (const one of value.facts) keep(at, one)
      asked[at]!.vectors.forEach((number, i) => {
        if (value.vectors[i]) vectors.set(number, value.vectors[i])
      })
      asked[at]!.displays.forEach((number, i) => {
        if (value.displays[i]) displays.set(number, value.displays[i])
      })
    }
  }

  async function gather(
    by: CandidatesAsked['by'],
    limit: number,
    { inStock, excluded, filter = [] }: Among,
  ): Promise<Ranked[][]> {
    const question: CandidatesAsked = { by, limit, inStock, excluded: [...excluded], filter }
    const told = await round((shard, slice) => shard.candidates(slice, question))
    const count = by.kind === 'vectors' ? by.vectors.length : 1
    return Array.from({ length: count }, (_, list) => {
      const found: Ranked[] = []
      const sorted = told.map(({ value }) => value[list]!)
      mergeBest(sorted, limit, (from, i) => {
        const doc = sorted[from]!.numbers[i]!
        shardOf.set(doc, told[from]!.at)
        found.push({ doc, score: sorted[from]!.scores[i]! })
      })
      return found
    })
  }

  /** Every so many rows of the whole index, as they are numbered in the shards that hold them. */
  async function range(count: number): Promise<number[]> {
    const total = manifest.segments.reduce((sum, { rows }) => sum + rows, 0)
    const step = rangeStep(total, count)
    const rows = placement!.shards.map((): { position: number; doc: number }[] => [])
    const bases = placement!.shards.map(() => 0)
    let base = 0
    let position = 0
    for (const { id, rows: count } of manifest.segments) {
      const at = placement!.shards.findIndex((own) => own.includes(id))
      for (; position < base + count; position += step)
        rows[at]!.push({ position, doc: bases[at]! + position - base })
      base += count
      bases[at]! += count
    }
    const told = await round(
      (shard, slice, at) => shard.items(slice, { ...NOTHING, docs: rows[at]!.map(({ doc }) => doc) }),
      (at) => rows[at]!.length > 0,
    )
    const found = told.flatMap(({ at, value }) =>
      value.docs.flatMap((one, i) => {
        if (!one) return []
        keep(at, one)
        return [{ position: rows[at]![i]!.position, number: one.number }]
      }),
    )
    return found.sort((a, b) => a.position - b.position).map(({ number }) => number)
  }

  const read = (doc: number): ItemFacts => {
    const one = facts.get(doc)
    assert(one, `item ${doc} was not loaded`)
    return one
  }
  return {
    manifest,
    load,
    docOfId: (id) => numberOfId.get(id),
    docOfNumber: (number) => (facts.has(number) ? number : undefined),
    number: (doc) => doc,
    stock: (doc) => read(doc).stock,
    price: (doc) => read(doc).price,
    brand: (doc) => read(doc).brand,
    category: (doc) => read(doc).category,
    title: (doc) => read(doc).title,
    vector: (doc) => vectors.get(doc) ?? null,
    display: (doc) => displays.get(doc) ?? null,
    matching: async (terms, limit, among) =>
      (await gather({ kind: 'words', plan: await planOf(terms) }, limit, among))[0]!,
    near: (vectors, limit, among) => gather({ kind: 'vectors', vectors }, limit, among),
    newest: async (limit, among) => (await gather({ kind: 'newest' }, limit, among))[0]!,
    async vary(candidates, rule, wanted) {
      await load({ vectors: candidates.map(({ doc }) => doc) })
      return varyPlainly(candidates, (doc) => vectors.get(doc) ?? null, rule, wanted)
    },
    range,
    degraded: () => [...faults(), ...short()],
    isDown: () => faults().length === placement!.shards.length,
  }
}
