import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CoOccurrenceSettings, coOccurrence } from './co-occurrence.ts'
import { itemKnn } from './item-knn.ts'
import { textNeighbours } from './item-text.ts'
import { lift } from './lift.ts'
import { type Neighbours, neighbourModel } from './neighbours.ts'
import { similarSequences } from './similar-sequences.ts'
import { strongest } from './strongest.ts'

const ITEMS = 7
const settings: CoOccurrenceSettings = {
  ...{ window: 3, decay: 0.7, backward: 0.2, from: 0.5, to: 0.1, limit: ITEMS },
}
const sequences = fc.array(fc.array(fc.nat(ITEMS - 1), { maxLength: 8 }), { maxLength: 6 })
const numbered = (all: readonly (readonly number[])[]) => ({
  itemCount: ITEMS,
  sequences: all.map((items) => Uint32Array.from(items)),
})
const weightOf = ({ starts, items, weights }: Neighbours, from: number, to: number): number => {
  const at = items.subarray(starts[from]!, starts[from + 1]!).indexOf(to)
  return at < 0 ? 0 : weights[starts[from]! + at]!
}
const pairs = Array.from({ length: ITEMS ** 2 }, (_, at) => [at % ITEMS, Math.floor(at / ITEMS)] as const)
const distinct = pairs.filter(([i, j]) => i !== j)
const countOf = (all: readonly (readonly number[])[], item: number) =>
  all.flat().filter((one) => one === item).length

describe('co-occurrence', () => {
  it('is the sum of its equation', () => {
    fc.assert(
      fc.property(sequences, (all) => {
        const found = coOccurrence(numbered(all), settings)
        for (const [i, j] of distinct) {
          let sum = 0
          for (const items of all) {
            let closest = 0
            items.forEach((a, p) => {
              items.forEach((b, q) => {
                if (a !== i || b !== j || Math.abs(q - p) > settings.window) return
                closest = Math.max(
                  closest,
                  (q > p ? 1 : settings.backward) * Math.abs(q - p) ** -settings.decay,
                )
              })
            })
            sum += closest
          }
          const expected =
            sum === 0 ? 0 : sum / (countOf(all, i) ** settings.from * countOf(all, j) ** settings.to)
          expect(weightOf(found, i, j)).toBeCloseTo(expected, 5)
        }
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('hears a pair once from a sequence, however often it is there', () => {
    const plain = { ...settings, from: 0, to: 0 }
    const once = coOccurrence(numbered([[0, 1]]), plain)
    const often = coOccurrence(numbered([Array.from({ length: 2_000 }, (_, at) => at % 2)]), plain)
    expect(weightOf(often, 0, 1)).toBe(weightOf(once, 0, 1))
  })
})

describe('item kNN', () => {
  it('is the shrunk cosine of its equation', () => {
    fc.assert(
      fc.property(sequences, (all) => {
        const sets = all.map((items) => new Set(items))
        const share = (has: (set: Set<number>) => boolean) =>
          sets.filter(has).reduce((sum, set) => sum + set.size ** -0.5, 0)
        const found = itemKnn(numbered(all), { shrinkage: 1, limit: ITEMS })
        for (const [i, j] of distinct) {
          const both = share((set) => set.has(i) && set.has(j))
          const norm = Math.sqrt(share((set) => set.has(i)) * share((set) => set.has(j)))
          expect(weightOf(found, i, j)).toBeCloseTo(both / (norm + 1), 5)
        }
      }),
      { seed: 2, numRuns: 60 },
    )
  })
})

describe('lift', () => {
  it('is what its equation says', () => {
    fc.assert(
      fc.property(sequences, (all) => {
        const has = (...items: number[]) =>
          all.filter((one) => items.every((item) => one.includes(item))).length
        const found = lift(numbered(all), { shrinkage: 2, limit: ITEMS })
        for (const [i, j] of distinct) {
          const both = has(i, j)
          const expected = both === 0 ? 0 : ((both * all.length) / (has(i) * has(j))) * (both / (both + 2))
          expect(weightOf(found, i, j)).toBeCloseTo(expected, 5)
        }
      }),
      { seed: 3, numRuns: 60 },
    )
  })
})

describe('text', () => {
  const items = [
    { title: 'Red lamp', labels: ['Acme', 'Lamps'] },
    { title: 'Blue lamp', labels: ['Acme', 'Lamps'] },
    { title: 'Red chair', labels: ['Other', 'Chairs'] },
    { title: 'Green sofa', labels: ['Other', 'Sofas'] },
    { title: '', labels: [] },
  ].concat(Array.from({ length: 8 }, (_, at) => ({ title: `thing ${at}`, labels: [] })))

  it('finds what shares rare words and labels, symmetrically, and nothing for an item without words', () => {
    const found = textNeighbours(items, 10)
    expect(weightOf(found, 0, 1)).toBeGreaterThan(weightOf(found, 0, 2))
    expect(weightOf(found, 0, 2)).toBeCloseTo(weightOf(found, 2, 0), 6)
    expect(found.starts[5]! - found.starts[4]!).toBe(0)
  })
})

describe('neighbours of a history', () => {
  it('are summed with the weights of the events', async () => {
    const table = coOccurrence(
      numbered([
        [0, 1, 2],
        [1, 3],
        [2, 4, 3],
      ]),
      settings,
    )
    const history = Uint32Array.of(0, 1, 2)
    const [scores] = await neighbourModel(table, { eventsMax: 2, recency: 1.5 }).score([history])
    for (let item = 0; item < ITEMS; item++)
      expect(scores![item]).toBeCloseTo(weightOf(table, 2, item) + 2 ** -1.5 * weightOf(table, 1, item), 5)
  })
})

describe('similar sequences', () => {
  const plain = { neighbours: 10, recency: 1, decay: 0.5, backward: 0.3 }
  it('score as in the equation', async () => {
    const all = [
      [0, 1, 2],
      [3, 1, 4],
      [5, 6],
    ]
    const [scores] = await similarSequences(numbered(all), plain).score([Uint32Array.of(0, 1)])
    const idf = (item: number) => Math.log(1 + all.length / countOf(all, item))
    const first = (idf(1) + idf(0) / 2) / Math.sqrt(3)
    const second = idf(1) / Math.sqrt(3)
    const expected = [first * 0.3, 0, first, second * 0.3, second, 0, 0]
    scores!.forEach((score, item) => {
      expect(score).toBeCloseTo(expected[item]!, 5)
    })
  })

  it('a batch says what its histories say one by one', async () => {
    const model = similarSequences(
      numbered([
        [0, 1, 0, 2],
        [1, 2, 2],
        [3, 0],
      ]),
      plain,
    )
    const histories = [[0], [2, 1, 2], [], [3, 0]].map((items) => Uint32Array.from(items))
    const one = await Promise.all(histories.map(async (history) => (await model.score([history]))[0]))
    expect(await model.score(histories)).toEqual(one)
  })
})

describe('the strongest', () => {
  it('are those that a sort puts first', () => {
    const scores = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 20 })
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 8 }), (all, limit) => {
        const sorted = [...all.keys()].sort((a, b) => all[b]! - all[a]! || a - b)
        expect([...strongest(Float32Array.from(all), limit)]).toEqual(sorted.slice(0, limit))
        const skip = new Set([0, 2])
        const rest = sorted.filter((item) => all[item]! > 0 && !skip.has(item))
        expect([...strongest(Float32Array.from(all), limit, 0, skip)]).toEqual(rest.slice(0, limit))
      }),
      { seed: 5, numRuns: 200 },
    )
  })
})
