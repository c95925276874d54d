import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRecipe } from '../recipe.ts'
import { drawSettings, type Space, withSettings } from './space.ts'

const space: Space = {
  'contrastive.rate': { log: [1e-5, 1e-2] },
  'contrastive.noise': { linear: [0.1, 0.6] },
  'contrastive.temperature': [0.03, 0.05, 0.1],
}
const withSpace = (own: object, more: object = {}) =>
  parseRecipe({ version: 1, recipe: 'search', tune: { space: own, ...more } })
const faultOf = (own: object) => {
  const parsed = withSpace(own)
  return parsed.ok ? null : parsed.error
}

describe('settings that are drawn', () => {
  it('begin with the recipe as it stands, differ, keep to their ranges, and repeat with the seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 2, max: 40 }), (seed, count) => {
        const drawn = drawSettings(space, count, seed)
        expect(drawn[0]).toEqual({})
        expect(drawn).toHaveLength(count)
        expect(new Set(drawn.map((one) => JSON.stringify(one))).size).toBe(count)
        for (const one of drawn.slice(1) as Record<string, number>[]) {
          expect(one['contrastive.rate']).toBeGreaterThanOrEqual(1e-5)
          expect(one['contrastive.rate']).toBeLessThanOrEqual(1e-2)
          expect(one['contrastive.noise']).toBeGreaterThanOrEqual(0.1)
          expect(one['contrastive.noise']).toBeLessThanOrEqual(0.6)
          expect([0.03, 0.05, 0.1]).toContain(one['contrastive.temperature'])
        }
        expect(drawSettings(space, count, seed)).toEqual(drawn)
        // More candidates are those before and others, so that a larger search begins like a smaller one.
        expect(drawSettings(space, count + 5, seed).slice(0, count)).toEqual(drawn)
      }),
    )
  })
  it('spread evenly over the magnitudes of a rate', () => {
    const rates = drawSettings({ rate: { log: [1e-4, 1e-2] } }, 1_001, 3).slice(1)
    const low = rates.filter(({ rate }) => (rate as number) < 1e-3).length / rates.length
    expect(low).toBeCloseTo(0.5, 1)
  })
  it('are fewer where the space has no more', () => {
    expect(drawSettings({ rounds: [1, 2] }, 9, 1)).toHaveLength(3)
  })
})

describe('a space', () => {
  it('leaves the recipe as it was and changes the copy alone', () => {
    const recipe = { contrastive: { rate: 1, steps: 2 } }
    expect(withSettings(recipe, { 'contrastive.rate': 5 })).toEqual({ contrastive: { rate: 5, steps: 2 } })
    expect(recipe.contrastive.rate).toBe(1)
    expect(withSettings(recipe, { 'constructor.prototype': 5 })).toBeNull()
  })
  it('is refused with its reason: unknown fields, values a recipe cannot have, what would not compare', () => {
    expect(faultOf({ 'contrastiv.rate': [1] })).toContain('no field "contrastiv.rate"')
    expect(faultOf({ 'contrastive.rte': [1] })).toContain('"rte"')
    expect(faultOf({ 'contrastive.rate': { log: [1e-3, 7] } })).toContain('contrastive.rate')
    expect(faultOf({ 'contrastive.rate': { log: [0, 1] } })).toContain('above 0')
    expect(faultOf({ 'contrastive.rate': { linear: [0.2, 0.1] } })).toContain('below')
    expect(faultOf({})).toContain('names no field')
    for (const path of ['seed', 'contrastive.steps', 'rounds', 'validationShare'])
      expect(faultOf({ [path]: [1] })).toContain('cannot be searched for')
    expect(faultOf(space)).toBeNull()
    expect(withSpace(space, { candidate: 3 }).ok).toBe(false)
  })
})
