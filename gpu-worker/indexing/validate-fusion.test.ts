import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { fixtureIndex, fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { chooseVectorWeight } from './validate-fusion.ts'

const DIM = 4
const random = createRandom(3)
const noise = () => Float32Array.from({ length: DIM }, () => gaussian(random))
const unit = (vector: Float32Array) => vector.map((v) => v / Math.hypot(...vector))
/** Items in groups of ten with equal titles: words alone cannot tell them apart. */
const VECTORS = Array.from({ length: 120 }, () => unit(noise()))
const ITEMS = VECTORS.map((vector, n) => ({ id: `i${n}`, title: `Common title of group ${n % 12}`, vector }))
const trained = { model: { ...fixtureManifest([]).model, trained: true, dim: DIM } }

/** Model numbers: a typing error in one is never taken for another, so the words cannot help themselves. */
const KINDS = 'ab12c de34f gh56i jk78l mn90o pq13r st24u vw57x yz68a bc79d ef81g hi92j'.split(' ')
const PLACES = '1kl2m 3no4p 5qr6s 7tu8v 9wx0y 2za3b 4cd5e 6fg7h 8ij9k 0lm1n'.split(' ')

/** By the letters that two texts share. */
function nearestTitle(titles: readonly string[], text: string): number {
  const letters = (words: string) => new Set(words.toLowerCase())
  const asked = [...text.toLowerCase().split(' ')]
  const likeness = (title: string) =>
    title.split(' ').reduce((sum, word, at) => {
      const own = letters(word)
      const other = letters(asked[at] ?? '')
      return sum + [...own].filter((c) => other.has(c)).length / new Set([...own, ...other]).size
    }, 0)
  return titles.reduce((best, title, n) => (likeness(title) > likeness(titles[best]!) ? n : best), 0)
}

describe('the weight of the vector part', () => {
  it('is 0 when the vectors know nothing', async () => {
    const index = await fixtureIndex(ITEMS, trained)
    const fusion = await chooseVectorWeight(index, async (texts) => texts.map(() => unit(noise())))
    expect(fusion!.vectorWeight).toBe(0)
    expect(fusion!.evidence!.mrr).toHaveLength(6)
    // As near as three of four answers: here they lie anywhere.
    expect(Math.abs(fusion!.nearMin!)).toBeLessThan(0.9)
  })
  it('is above 0 when they find what the words cannot tell apart, with the figures that say so', async () => {
    // Two model numbers name an item; with an error in one, the words leave ten candidates and the letters still tell.
    const titles = VECTORS.map((_, n) => `${KINDS[n % 12]} ${PLACES[Math.floor(n / 12)]}`)
    const index = await fixtureIndex(
      VECTORS.map((vector, n) => ({ id: `i${n}`, title: titles[n]!, vector })),
      trained,
    )
    const oracle = async (texts: string[]) => texts.map((text) => VECTORS[nearestTitle(titles, text)]!)
    const fusion = await chooseVectorWeight(index, oracle)
    const [without, ...others] = fusion!.evidence!.mrr
    // Every title here has a number, so the weight of words alone had no query to speak for it.
    expect(fusion!.numberWeight).toBeGreaterThan(0)
    expect(fusion!.nearMin).toBeGreaterThan(0.9)
    expect(fusion!.vectorWeight).toBe(0)
    expect(Math.max(...others.map(({ mrr }) => mrr))).toBeGreaterThan(without!.mrr)
  })
  it('is judged under the floor that it goes with, whatever that of the index is', async () => {
    // With an error in one of its model numbers, an item with a single one is found by its vector alone.
    const titles = VECTORS.map((_, n) => `${KINDS[n % 12]}${PLACES[Math.floor(n / 12)]} lamp`)
    const items = VECTORS.map((vector, n) => ({ id: `i${n}`, title: titles[n]!, vector }))
    const oracle = async (texts: string[]) => texts.map((text) => VECTORS[nearestTitle(titles, text)]!)
    const chosen = [-1, 1].map(async (nearMin) => {
      const index = await fixtureIndex(items, { ...trained, fusion: { vectorWeight: 0.2, nearMin } })
      return chooseVectorWeight(index, oracle)
    })
    const [low, high] = await Promise.all(chosen)
    expect(low).toEqual(high)
  })
  it('stops when a job comes', async () => {
    const index = await fixtureIndex(ITEMS, trained)
    let looks = 0
    const fusion = await chooseVectorWeight(
      index,
      async (texts) => texts.map(() => unit(noise())),
      async () => ++looks > 3,
    )
    expect(fusion).toBeNull()
    expect(looks).toBe(4)
  })
})
