import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../shared/lib/random.ts'
import { parseRecipe } from '../recipe.ts'
import { withNoise } from './pairs.ts'

const DRAWS = 2_000
const shareWith = (word: string, settings: Parameters<typeof withNoise>[1]) => {
  const random = createRandom(3)
  const queries = Array.from({ length: DRAWS }, () => withNoise('black laptop bag', settings, random))
  return queries.filter((query) => query.split(' ').includes(word)).length / DRAWS
}

describe('synonyms', () => {
  it('stand in for their words in the share of noisy queries that is asked for', () => {
    const synonyms = [['laptop', 'notebook']]
    const often = shareWith('notebook', { noise: 0.5, synonymShare: 0.8, synonyms })
    // Less what is lost to typing errors and dropped words: the word stays in about 7 of 10 noisy queries.
    expect(often).toBeGreaterThan(0.5 * 0.8 * 0.6)
    expect(often).toBeLessThanOrEqual(0.5 * 0.8)
    expect(shareWith('notebook', { noise: 0.5, synonymShare: 0, synonyms })).toBe(0)
    expect(shareWith('notebook', { noise: 0, synonymShare: 1, synonyms })).toBe(0)
  })
  it('of a recipe are those of the search, or its own', () => {
    const ofRecipe = (contrastive: object) => {
      const parsed = parseRecipe({ version: 1, recipe: 'search', contrastive })
      return parsed.ok && 'contrastive' in parsed.value ? parsed.value.contrastive.synonyms : parsed
    }
    expect(ofRecipe({})).toContainEqual(['laptop', 'notebook'])
    expect(ofRecipe({ synonyms: [['Sofa', 'settee']] })).toEqual([['sofa', 'settee']])
    expect(ofRecipe({ synonyms: [['tumble dryer', 'dryer']] })).toMatchObject({ ok: false })
  })
})
