import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Best } from './best.ts'

it('keeps what sorting would put first, whatever came before and however many scores are equal', () => {
  const best = new Best()
  const first = fc.constantFrom(0, 2 ** 32 - 80)
  const scored = fc.array(fc.constantFrom(0.5, 1, 1.5, 2, 1e-30, 3e30), { maxLength: 80 })
  fc.assert(
    fc.property(scored, fc.integer({ min: 0, max: 40 }), fc.nat(), first, (scores, limit, turn, from) => {
      const all = scores.map((score, doc) => ({ doc, score: Math.fround(score), found: doc % 7 }))
      // Numbers in another order than documents.
      const numberOf = (doc: number) => from + ((doc + turn) % (all.length || 1))
      best.reset(limit)
      for (const { doc, score, found } of all)
        if (score >= best.threshold) best.offer(doc, numberOf(doc), score, found)
      expect(best.drain()).toEqual(
        all.toSorted((a, b) => b.score - a.score || numberOf(a.doc) - numberOf(b.doc)).slice(0, limit),
      )
    }),
    { seed: 2, numRuns: 400 },
  )
})
