import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planRungs, survivors } from './halving.ts'

const field = fc.record({
  candidates: fc.integer({ min: 2, max: 729 }),
  eta: fc.integer({ min: 2, max: 10 }),
  validations: fc.integer({ min: 1, max: 5_000 }),
})

describe('the rungs', () => {
  it('are those of the paper where the numbers divide', () => {
    expect(planRungs(9, 3, 18)).toEqual([
      { candidates: 9, validations: 2 },
      { candidates: 3, validations: 6 },
      { candidates: 1, validations: 18 },
    ])
  })
  it('have fewer candidates and more training each, and end with a whole run', () => {
    fc.assert(
      fc.property(field, ({ candidates, eta, validations }) => {
        const rungs = planRungs(candidates, eta, validations)
        expect(rungs[0]!.candidates).toBe(candidates)
        expect(rungs.at(-1)!.validations).toBe(validations)
        for (const [at, rung] of rungs.entries()) {
          expect(rung.validations).toBeGreaterThan(0)
          if (at === 0) continue
          expect(rung.candidates).toBeLessThan(rungs[at - 1]!.candidates)
          expect(rung.validations).toBeGreaterThan(rungs[at - 1]!.validations)
        }
      }),
    )
  })
  it('cost at most one whole run each, but for rounding up', () => {
    fc.assert(
      fc.property(field, ({ candidates, eta, validations }) => {
        // ⌊n/η^k⌋ ≤ η^(s−k+1) − 1, where one validation more is that of the rounding.
        for (const rung of planRungs(candidates, eta, validations))
          expect(rung.candidates * (rung.validations - 1)).toBeLessThan(eta * validations)
      }),
    )
  })
})

describe('survivors', () => {
  const scores = fc
    .array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 30 })
    .map((metrics) => metrics.map((metric, candidate) => ({ candidate, metric })))
  it('are as many as asked for, and nobody who is dropped is better than one of them', () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 30 }), (all, count) => {
        const kept = survivors(all, count)
        const sound = all.filter(({ metric }) => metric !== null)
        expect(kept.length).toBe(Math.min(count, sound.length))
        const least = Math.min(...kept.map((candidate) => all[candidate]!.metric!))
        for (const { candidate, metric } of sound)
          if (!kept.includes(candidate)) expect(metric!).toBeLessThanOrEqual(least)
      }),
    )
  })
  it('do not depend on the order in which they were measured', () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 30 }), (all, count) => {
        expect(survivors(all.toReversed(), count)).toEqual(survivors(all, count))
      }),
    )
  })
})
