import { describe, expect, it } from 'vitest'
import { createCatalogue } from './catalogue.ts'
import { cosine, LATENT_SIZE, latentVector, learnLatentSpace } from './latent.ts'

/** "vac" and "vacuum" never meet, yet stand beside the same words; the other kinds of thing take up the other directions. */
const titles = Array.from({ length: 20 }, () => [
  'wet dry vac hose filter',
  'wet dry vacuum hose filter',
  ...Array.from({ length: LATENT_SIZE - 1 }, (_, kind) => `word${kind} part${kind} thing${kind}`),
]).flat()

describe('the latent space of a catalogue', () => {
  const { latent, numbers } = createCatalogue(titles)
  const likeness = (a: string, b: string) =>
    cosine(latentVector(latent, [numbers.get(a)!]), latentVector(latent, [numbers.get(b)!]))

  it('has words near each other that stand in like titles', () => {
    expect(likeness('vac', 'vacuum')).toBeGreaterThan(0.5)
    expect(likeness('vac', 'vacuum')).toBeGreaterThan(likeness('vac', 'thing7') + 0.4)
    expect(likeness('vac', 'vac')).toBeCloseTo(1, 6)
  })

  it('is the same each time', () => {
    expect(createCatalogue(titles).latent).toEqual(latent)
  })

  it('has directions of unit length at right angles', () => {
    // With idf 1 throughout, the numbers of the terms are the directions themselves.
    const terms = Array.from({ length: 100 }, (_, at) =>
      Uint32Array.of(at, (at * 7 + 1) % 100, (at * 13 + 5) % 100),
    )
    const space = learnLatentSpace(
      terms.map((title) => new Uint32Array(new Set(title))),
      new Float64Array(100).fill(1),
    )
    for (let a = 0; a < LATENT_SIZE; a += 9)
      for (let b = a; b < LATENT_SIZE; b += 9) {
        let dot = 0
        for (let term = 0; term < 100; term++)
          dot += space[term * LATENT_SIZE + a]! * space[term * LATENT_SIZE + b]!
        // f32 storage of 100 summands.
        expect(dot).toBeCloseTo(a === b ? 1 : 0, 5)
      }
  })

  it('of few titles, or none, is finite', () => {
    for (const few of [[], ['red lamp'], ['red lamp', 'red lamp']]) {
      const space = createCatalogue(few).latent
      expect(space.every(Number.isFinite)).toBe(true)
    }
    expect(cosine(latentVector(latent, []), latentVector(latent, [0]))).toBe(0)
  })
})
