import { describe, expect, it } from 'vitest'
import { bprItems, meanFactorModel } from './bpr.ts'

const settings = { factors: 4, epochs: 300, rate: 0.05, ridge: 0.01 }
/** Two circles of items; everyone lacks one item of their own circle. */
const sequences = Array.from({ length: 8 }, (_, user) =>
  Uint32Array.from([0, 1, 2, 3].filter((at) => at !== user % 4).map((at) => at + (user < 4 ? 0 : 4))),
)
const data = { itemCount: 8, sequences }

describe('BPR', () => {
  const items = bprItems(data, settings, 1)

  it('puts the missing item of the own circle before all of the other one', async () => {
    const scores = await meanFactorModel(items).score(sequences)
    scores.forEach((all, user) => {
      const missing = (user % 4) + (user < 4 ? 0 : 4)
      const others = [...all.subarray(user < 4 ? 4 : 0, user < 4 ? 8 : 4)]
      expect(all[missing]).toBeGreaterThan(Math.max(...others))
    })
  })

  it('scores by the product with the mean of the history', async () => {
    const plain = { size: 2, data: Float32Array.of(1, 0, 0, 1, 2, 2) }
    const [scores] = await meanFactorModel(plain).score([Uint32Array.of(0, 1)])
    expect([...scores!]).toEqual([0.5, 0.5, 2])
  })

  it('ends where a user has every item, and is the same for the same seed', () => {
    const all = { itemCount: 2, sequences: [Uint32Array.of(0, 1)] }
    expect(bprItems(all, settings, 3)).toEqual(bprItems(all, settings, 3))
    expect(bprItems(data, settings, 1)).toEqual(items)
  })
})
