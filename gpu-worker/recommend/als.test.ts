import { describe, expect, it } from 'vitest'
import { type AlsSettings, alsItems, alsModel, type Factors } from './als.ts'

const settings: AlsSettings = { factors: 3, rounds: 30, confidence: 5, ridge: 0.1 }
const sequences = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 2],
  [3, 4],
  [4, 3, 5],
  [5, 3],
].map((items) => Uint32Array.from(items))
const data = { itemCount: 6, sequences }

/** The loss of the equation, over the user vectors that a model would give. */
async function lossOf(
  items: Factors,
  user: Uint32Array,
  change?: { item: number; by: number },
): Promise<number> {
  const [scores] = await alsModel(items, settings).score([user])
  return scores!.reduce((sum, score, item) => {
    const wants = user.includes(item) ? 1 : 0
    const moved = score + (change?.item === item ? change.by : 0)
    return sum + (1 + settings.confidence * wants) * (wants - moved) ** 2
  }, 0)
}

describe('implicit ALS', () => {
  const items = alsItems(data, settings, 1)

  it('scores what similar shoppers have above the rest', async () => {
    const two = { ...settings, factors: 2, ridge: 1 }
    const [scores] = await alsModel(alsItems(data, two, 1), two).score([Uint32Array.of(0, 1)])
    expect(scores![2]).toBeGreaterThan(Math.max(scores![3]!, scores![4]!, scores![5]!))
  })

  it('gives a history the vector at which the gradient of its equation is zero', async () => {
    const history = Uint32Array.of(3, 4)
    const scores = (await alsModel(items, settings).score([history]))[0]!
    // x from its scores: y has full column rank, so that normal equations give it back.
    const y = Array.from({ length: 6 }, (_, item) => items.data.slice(item * 3, item * 3 + 3))
    const x = solve3(y, scores)
    for (let at = 0; at < 3; at++) {
      let gradient = settings.ridge * x[at]!
      y.forEach((row, item) => {
        const wants = history.includes(item) ? 1 : 0
        gradient -= (1 + settings.confidence * wants) * (wants - scores[item]!) * row[at]!
      })
      expect(gradient).toBeCloseTo(0, 3)
    }
  })

  it('comes nearer with more rounds', async () => {
    const few = alsItems(data, { ...settings, rounds: 1 }, 1)
    const total = async (of: Factors) =>
      (await Promise.all(sequences.map((user) => lossOf(of, user)))).reduce((sum, loss) => sum + loss, 0)
    expect(await total(items)).toBeLessThan(await total(few))
  })

  it('is the same for the same seed', () => {
    expect(alsItems(data, settings, 1)).toEqual(items)
  })
})

/** Least squares of y x = s by Cramer's rule. */
function solve3(y: readonly Float32Array[], s: Float32Array): number[] {
  const a = [0, 1, 2].map((i) => [0, 1, 2].map((j) => y.reduce((sum, row) => sum + row[i]! * row[j]!, 0)))
  const b = [0, 1, 2].map((i) => y.reduce((sum, row, item) => sum + row[i]! * s[item]!, 0))
  const det = ([p, q, r]: number[][]) =>
    p![0]! * (q![1]! * r![2]! - q![2]! * r![1]!) -
    p![1]! * (q![0]! * r![2]! - q![2]! * r![0]!) +
    p![2]! * (q![0]! * r![1]! - q![1]! * r![0]!)
  return [0, 1, 2].map((at) => det(a.map((row, i) => row.with(at, b[i]!))) / det(a))
}
