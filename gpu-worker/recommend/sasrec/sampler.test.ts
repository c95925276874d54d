import { expect, it } from 'vitest'
import { createRandom } from '../../../shared/lib/random.ts'
import { createSampler } from './sampler.ts'

it('draws each item as often as it says', () => {
  const histories = [Uint32Array.of(0, 1, 1, 2, 2, 2, 2), Uint32Array.of(4, 4, 4, 4, 4, 4, 4, 4)]
  const draws = 20_000
  const { items, logExpected } = createSampler(histories, 5, draws)(createRandom(1))
  const counts = new Array<number>(5).fill(0)
  for (const item of items) counts[item]!++
  items.forEach((item, at) => {
    const expected = Math.exp(logExpected[at]!)
    expect(Math.abs(counts[item]! - expected)).toBeLessThan(5 * Math.sqrt(expected))
  })
  expect(counts[3]).toBe(0)
})
