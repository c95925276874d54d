/** @file The law of a divided index: with all shards answering, the reply is that of one isolate with all of it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { facetsOf } from '../../shared/retrieval/facets.ts'
import { createIndexSource, type Found, type Retrieval } from '../../shared/retrieval/source.ts'
import type { FacetName } from '../../shared/schema/replies.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { createPlainEngine } from '../../shared/vector/plain-engine.ts'
import { type Divided, type DividedRow, divideIndex } from '../../test/fixtures/divided-index.ts'
import { createNodeDigest } from '../../test/fixtures/node-digest.ts'
import { createShard } from './shard.ts'
import { createShards } from './shards.ts'

const WORDS = [
  ...['red', 'blue', 'lamp', 'lamps', 'chair', 'speaker', 'wireless', 'stainless', 'stain', 'steel'],
  ...['wood', 'pellets', 'USB-C', 'cable', '500GB', '音箱', 'keyboard', 'cover', 'for'],
]
const QUERIES = ['stainles', 'speker ', 'woodpellets ', 'wirelss lamp ', 'ke', 'qqqq ', 'the ', 'lampe ']

const row = fc.record({
  number: fc.integer({ min: 1, max: 12 }),
  version: fc.integer({ min: 1, max: 3 }),
  title: fc.option(
    fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 5 }).map((words) => words.join(' ')),
    { nil: undefined, freq: 6 },
  ),
  brand: fc.constantFrom('Nord', 'Sona', ''),
  category: fc.constantFrom<string[]>([], ['Audio'], ['Audio', 'Speakers'], ['Office']),
  price: fc.integer({ min: 1, max: 3 }),
  vector: fc.option(
    fc
      .array(fc.integer({ min: -50, max: 50 }), { minLength: 4, maxLength: 4 })
      .map((numbers) => Float32Array.from(numbers)),
    { freq: 5 },
  ),
})
/** One row of a number in a segment, as the worker writes them. */
const segment = fc.uniqueArray(row, { selector: ({ number }) => number, minLength: 1, maxLength: 8 })
const shop = fc.array(fc.tuple(segment, fc.nat(3)), { minLength: 1, maxLength: 5 }).map((parts) => ({
  segments: parts.map(([rows]) => rows as DividedRow[]),
  shardOf: parts.map(([, shard]) => shard),
}))
const retrieval = fc.record({
  query: fc.oneof(
    fc.constantFrom(...QUERIES),
    fc
      .tuple(fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([words, open]) => words.join(' ') + (open ? '' : ' ')),
  ),
  vectorWeight: fc.constantFrom(0, 0.3, 1),
  vector: fc
    .array(fc.integer({ min: -9, max: 9 }), { minLength: 4, maxLength: 4 })
    .map((numbers) => Float32Array.from(numbers)),
  price: fc.option(fc.integer({ min: 1, max: 3 })),
  facets: fc.constantFrom<FacetName[]>([], ['brand', 'price'], ['category', 'brand', 'price']),
  offset: fc.nat(3),
  limit: fc.integer({ min: 1, max: 10 }),
})
type Given = typeof retrieval extends fc.Arbitrary<infer T> ? T : never

const retrievalOf = ({ query, vector, vectorWeight, price, facets, offset, limit }: Given): Retrieval => ({
  terms: analyseQuery(query),
  vector: vectorWeight > 0 ? vector : null,
  vectorWeight,
  filter: price === null ? [] : [{ kind: 'range', field: 'price', op: '<=', value: price }],
  facets,
  offset,
  limit,
})

/** Facets as a reply has them: a tally may lack what it counted never. */
const shown = (found: Found | null) => found && { ...found, facets: facetsOf(found.facets) }

const shardsOf = ({ bucket }: Divided) => {
  const opened = new Map<number, ReturnType<typeof createShard>>()
  return createShards({
    open: (_, at) =>
      opened.get(at) ??
      opened
        .set(
          at,
          createShard({
            bucket,
            engine: createPlainEngine(),
            clock: () => 0,
            createDigest: createNodeDigest,
          }),
        )
        .get(at)!,
    clock: () => 0,
    timeout: () => new AbortController().signal,
  })
}

describe('a divided index', () => {
  it('answers as the whole one does, however it is divided', async () => {
    await fc.assert(
      fc.asyncProperty(
        shop,
        fc.array(retrieval, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async ({ segments, shardOf }, asked, trained) => {
          const plain = await divideIndex(segments, shardOf)
          const model = { ...plain.manifest.model, trained }
          const manifest = { ...plain.manifest, model }
          const whole = createIndexSource({ ...plain.index, manifest })
          const parts = shardsOf(plain).source(manifest)
          for (const one of asked.map(retrievalOf))
            expect(shown(await parts.retrieve(one))).toEqual(shown(await whole.retrieve(one)))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('cuts both lists where the whole one would', async () => {
    const random = createRandom(7)
    const rows = Array.from(
      { length: 2_400 },
      (_, at): DividedRow => ({
        number: at + 1,
        price: at % 40,
        title: `lamp ${WORDS[Math.floor(random() * WORDS.length)]} ${WORDS[Math.floor(random() * WORDS.length)]}`,
        vector: at % 7 === 0 ? null : Float32Array.from({ length: 4 }, () => random() - 0.5),
      }),
    )
    const divided = await divideIndex(
      [rows.slice(0, 900), rows.slice(900, 1_700), rows.slice(1_700)],
      [0, 1, 2],
      { version: 2 },
    )
    const manifest = { ...divided.manifest, model: { ...divided.manifest.model, trained: true } }
    const whole = createIndexSource({ ...divided.index, manifest })
    const parts = shardsOf(divided).source(manifest)
    for (const vectorWeight of [0, 0.4, 1]) {
      const one: Retrieval = {
        terms: analyseQuery('red lamp '),
        vector: vectorWeight > 0 ? Float32Array.of(0.5, 0.5, -0.5, 0.5) : null,
        vectorWeight,
        filter: [],
        facets: ['price'],
        offset: 900,
        limit: 100,
      }
      for (const retrieval of [one, { ...one, offset: 0 }])
        expect(shown(await parts.retrieve(retrieval))).toEqual(shown(await whole.retrieve(retrieval)))
    }
  })
})
