/** @file The search by windows gives what the plain scorer gives: same documents, scores, words and total. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { searchPlainly } from '../../test/fixtures/plain-lexical.ts'
import { encodeSegmentV1 } from '../../test/fixtures/segment-v1.ts'
import { createRandom } from '../lib/random.ts'
import { headTerm, type Postings, type SegmentContent } from '../segment/content.ts'
import { decodeSegment, type Segment } from '../segment/decode.ts'
import { encodeSegment } from '../segment/encode.ts'
import { mergeSegments } from '../segment/merge.ts'
import { analyseQuery, type QueryTerm } from '../text/analyse.ts'
import { maskOf } from '../vector/engine.ts'
import { fixtureManifest, fixtureRef, fixtureSegment } from './fixture.ts'
import { searchLexical } from './lexical.ts'
import { buildIndex, type Index } from './load-index.ts'

const WORDS = [
  'usb',
  'usb-c',
  'cable',
  'cables',
  'cabel',
  'laptop',
  'notebook',
  'bag',
  'black',
  '2m',
  'hp',
  '301xl',
  'fuelpellets',
  'fuel',
  'pellets',
  '蓝牙音箱',
  'for',
  'o2',
]
const text = (maxLength: number) =>
  fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength }).map((words) => words.join(' '))

const item = fc.record({
  title: text(6),
  description: text(8),
  brand: fc.constantFrom('', 'HP', 'Sony'),
  category: fc.constantFrom([], ['Cables'], ['Bags', 'Laptop bags']),
})
/** Numbers repeat over segments: some rows are superseded, some removed. */
const segment = fc.record({
  rows: fc.array(fc.option(item, { freq: 5 }), { minLength: 1, maxLength: 12 }),
  from: fc.integer({ min: 1, max: 8 }),
})
const query = fc.tuple(text(5), fc.constantFrom('', ' ')).map(([words, end]) => words + end)

async function indexOf(
  segments: readonly { rows: readonly (object | null)[]; from: number }[],
  isOld: boolean,
) {
  const made = await Promise.all(
    segments.map(({ rows, from }, at) =>
      fixtureSegment(
        rows.map((row, i) =>
          row ? { id: `i${from + i}`, title: '', ...row } : { number: from + i, removed: true as const },
        ),
        { from, version: at + 1, id: `s${at}` },
      ),
    ),
  )
  return placed(isOld ? made.map(asOld) : made)
}
const placed = (segments: readonly Segment[]) =>
  buildIndex(fixtureManifest(segments.map(({ ref }) => ref)), segments)

function decoded(files: { items: Uint8Array; terms: Uint8Array }, rows: number): Segment {
  const read = decodeSegment(files, fixtureRef('x', rows))
  if (!read.ok) throw new Error(read.error.reason)
  return read.value
}
const asOld = (one: Segment): Segment => decoded(encodeSegmentV1(mergeSegments([one], () => true)), one.rows)

function expectEqual(
  index: Index,
  terms: readonly QueryTerm[],
  limit: number,
  isAccepted?: (doc: number) => boolean,
): void {
  const accept = isAccepted && maskOf(index.docCount, isAccepted)
  const seen = new Uint8Array(index.docCount)
  const found = searchLexical(index, terms, limit, accept, seen)
  expect(found).toEqual(searchPlainly(index, terms, limit, accept))
  expect(seen.reduce((sum, one) => sum + one, 0)).toBe(found.total)
}

describe('a lexical search', () => {
  it('equals the plain scorer on small shops of several segments, with removed and superseded rows and filters', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.array(fc.tuple(query, fc.integer({ min: 1, max: 12 }), fc.nat(4)), { minLength: 1, maxLength: 6 }),
        async (segments, isOld, asked) => {
          const index = await indexOf(segments, isOld)
          for (const [words, limit, rest] of asked)
            expectEqual(index, analyseQuery(words), limit, rest < 4 ? undefined : (doc) => doc % 3 !== 0)
        },
      ),
      { seed: 9, numRuns: 120 },
    )
  })

  describe('of segments that are many windows and blocks long', () => {
    const random = createRandom(7)
    const segments = [9_000, 130, 5_000].map((rows, at) => randomSegment(rows, at * 9_000, random))
    const index = placed(segments)
    const old = placed(segments.map(asOld))
    const whole = (term: string, more: Partial<QueryTerm> = {}): QueryTerm => ({
      term,
      form: 'whole',
      source: term,
      ...more,
    })
    const asked: [string, QueryTerm[]][] = [
      ['a frequent word', [whole('every')]],
      ['a rare word', [whole('rare')]],
      ['words of few rows in each window', [whole('hundredth'), whole('rare')]],
      ['a head', [whole('half', { isHead: true })]],
      [
        'words of all frequencies',
        ['every', 'half', 'tenth', 'hundredth', 'rare'].map((term) => whole(term)),
      ],
      [
        'forms of a word',
        [
          whole('tenth'),
          whole('half', { source: 'tenth' }),
          whole('every', { source: 'tenth', form: 'synonym' }),
        ],
      ],
      ['a word in the making', [whole('h', { form: 'prefix' }), whole('tenth')]],
      ['many words', Array.from({ length: 28 }, (_, i) => whole(`word${i}`))],
    ]
    it.each(asked)('equals the plain scorer on %s', (_, terms) => {
      for (const limit of [1, 20, 1_000, 20_000]) {
        expectEqual(index, terms, limit)
        expectEqual(index, terms, limit, (doc) => doc % 7 === 3)
      }
      expectEqual(old, terms, 20)
    })
  })
})

/** Rows with an item number each, and words of known frequencies with random weights. */
function randomSegment(rows: number, from: number, random: () => number): Segment {
  const postings = new Map<string, Postings>()
  const add = (term: string, share: number) => {
    const own = Array.from({ length: rows }, (_, row) => row).filter(() => random() < share)
    if (own.length > 0)
      postings.set(term, { rows: own, weights: own.map(() => 1 + Math.floor(random() ** 8 * 255)) })
  }
  add('every', 1)
  add('half', 0.5)
  add(headTerm('half'), 0.1)
  add('tenth', 0.1)
  add('hundredth', 0.01)
  add('rare', 5 / rows)
  for (let i = 0; i < 28; i++) add(`word${i}`, 0.2 * random())
  const content: SegmentContent = {
    dim: 4,
    rows: Array.from({ length: rows }, (_, row) => ({
      // Some numbers are in two segments.
      ...{
        number: from + row - (from > 0 ? 50 : 0),
        version: 1 + Math.floor(random() * 3),
        live: random() > 0.02,
      },
      ...{
        contentHash: '',
        id: `i${from + row}`,
        title: 't',
        brand: '',
        category: [],
        price: null,
        currency: null,
      },
      ...{ stock: null, image: '', url: '', length: Math.floor(random() * 200), vector: null },
    })),
    postings,
  }
  return decoded(encodeSegment(content), rows)
}
