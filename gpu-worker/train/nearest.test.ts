import fc from 'fast-check'
import { expect, it } from 'vitest'
import { findNearest } from './nearest.ts'

/** Small whole numbers: inner products are exact, and ties are frequent. */
const vector = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 4, maxLength: 4 })
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, at) => sum + x * b[at]!, 0)
const floats = (rows: readonly (readonly number[])[]) => rows.map((row) => Float32Array.from(row))

it('finds what sorting all of them finds, ties by place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(vector, { maxLength: 5 }),
      fc.array(vector, { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      async (queries, documents, count) => {
        const wanted = queries.map((query) =>
          [...documents.keys()]
            .sort((a, b) => dot(query, documents[b]!) - dot(query, documents[a]!) || a - b)
            .slice(0, count),
        )
        expect(await findNearest(floats(queries), floats(documents), count, { threads: 1 })).toEqual(wanted)
      },
    ),
    { seed: 1, numRuns: 100 },
  )
})
