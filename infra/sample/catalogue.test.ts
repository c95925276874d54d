import { describe, expect, it } from 'vitest'
import { cleanItem } from '../../shared/quality/clean.ts'
import { sampleCatalogue } from './catalogue.ts'

const items = sampleCatalogue()

describe('sampleCatalogue', () => {
  it('has 2,000 products with ids and titles of their own', () => {
    expect(items).toHaveLength(2_000)
    expect(new Set(items.map(({ id }) => id)).size).toBe(2_000)
    expect(new Set(items.map(({ title }) => title)).size).toBe(2_000)
  })

  it('is the same for a seed and another for another', () => {
    expect(sampleCatalogue(7)).toEqual(sampleCatalogue(7))
    expect(sampleCatalogue(8)).not.toEqual(sampleCatalogue(7))
  })

  it('has many categories, mixed so that a tenth of it still has most', () => {
    const leaves = (part: typeof items) => new Set(part.map(({ category }) => category.join(' > '))).size
    expect(leaves(items)).toBeGreaterThanOrEqual(14)
    expect(leaves(items.slice(0, 200))).toBeGreaterThanOrEqual(14)
    expect(items.every(({ category }) => category.length >= 2 && category.length <= 3)).toBe(true)
  })

  it('has about one Chinese product in eight', () => {
    const chinese = items.filter(({ title, description }) => /\p{Script=Han}/u.test(title + description))
    expect(chinese.length / items.length).toBeCloseTo(0.12, 2)
    expect(chinese.every(({ title, description }) => [title, description].every(isHan))).toBe(true)
  })

  it('is accepted whole by the quality rules, with findings on at most one in a hundred', () => {
    const cleaned = items.map((item) => cleanItem(item))
    expect(cleaned.filter(({ item }) => item === null)).toEqual([])
    const untidy = cleaned.filter(({ findings }) => findings.length > 0)
    // Written prices ("12,99 €") are read without a finding.
    expect(untidy.length).toBeGreaterThan(5)
    expect(untidy.length).toBeLessThanOrEqual(20)
    expect(items.filter(({ price }) => typeof price === 'string')).toHaveLength(10)
    expect(cleaned.every(({ item }) => item!.price! > 1 && item!.currency === 'EUR')).toBe(true)
  })

  it('leaves no gap or double space where an attribute has no wording', () => {
    for (const { title, description } of items) {
      expect(`${title} ${description}`).not.toMatch(/[{}]| {2}|, ,|undefined| [,.]|\b[Aa] (?:[aeio]|8|18)/)
    }
  })
})

const isHan = (text: string) => /\p{Script=Han}/u.test(text)
