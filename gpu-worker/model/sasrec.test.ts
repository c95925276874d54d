import { expect, it } from 'vitest'
import { createRandom, gaussian } from '../../shared/lib/random.ts'
import { createGraph } from '../graph/ops.ts'
import { buildTower } from '../recommend/sasrec/tower.ts'
import { openSession } from '../runtime/session.ts'
import { createLayers } from './layers.ts'
import { emitPositions, emitRecencyBias, emitSasrec, MASKED_SCORE, sasrecSpecs } from './sasrec.ts'

const config = { hidden: 8, layers: 2, heads: 2, inner: 12, positions: 6 }
const random = createRandom(2)
const tensors = new Map(
  sasrecSpecs(config).map(({ name, shape }) => {
    const count = shape.reduce((product, dim) => product * dim, 1)
    return [name, { shape, data: Float32Array.from({ length: count }, () => gaussian(random) / 2) }]
  }),
)
const numbers = (count: number) => Float32Array.from({ length: count }, () => gaussian(random))
const unit = (vector: Float32Array) => {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0))
  return vector.map((x) => x / length)
}

/** Two histories, of four and of six items, in one row, as they are trained. */
async function runPacked(items: Float32Array): Promise<Float32Array> {
  const length = 10
  const starts = [0, 0, 0, 0, 4, 4, 4, 4, 4, 4]
  const g = createGraph('packed')
  const layers = createLayers(g, { tensors, heads: new Map() }, { precision: 'fp32' })
  const seen = Float32Array.from({ length: length * length }, (_, at) => {
    const [place, other] = [Math.floor(at / length), at % length]
    return other <= place && other >= starts[place]! ? 0 : MASKED_SCORE
  })
  const mask = g.tensor([1, 1, length, length], seen)
  const users = emitSasrec(g, config, layers, {
    items: g.input('items', 'f32', [1, length, config.hidden]),
    positions: emitPositions(g, layers, g.ints(starts.map((from, place) => place - from))),
    scores: (layer) => g.add(mask, emitRecencyBias(g, config, layers, layer, length)),
  })
  g.output(users, 'users')
  const session = await openSession(g.toModel(), { threads: 1 })
  const { users: result } = await session.run({ items: { data: items, dims: [1, length, config.hidden] } })
  await session.close()
  return result!.data
}

it('gives every place of a packed history what the tower gives for the history up to it', async () => {
  const { hidden } = config
  const items = numbers(10 * hidden)
  const packed = await runPacked(items)
  const tower = await openSession(buildTower(config, tensors), { threads: 1 })
  for (const [from, to] of [
    [0, 4],
    [4, 10],
  ] as const)
    for (let end = from + 1; end <= to; end++) {
      const data = items.slice(from * hidden, end * hidden)
      const { user } = await tower.run({ items: { data, dims: [1, end - from, hidden] } })
      unit(packed.slice((end - 1) * hidden, end * hidden)).forEach((x, at) => {
        expect(user!.data[at]).toBeCloseTo(x, 4)
      })
    }
  await tower.close()
})

it('lets an item change nothing before itself', async () => {
  const { hidden } = config
  const items = numbers(10 * hidden)
  const changed = items.map((x, at) => (at >= 7 * hidden && at < 8 * hidden ? x + 1 : x))
  const [before, after] = [await runPacked(items), await runPacked(changed)]
  const isSame = (place: number) =>
    before.subarray(place * hidden, (place + 1) * hidden).every((x, at) => x === after[place * hidden + at])
  expect(Array.from({ length: 10 }, (_, place) => isSame(place))).toEqual([
    ...Array(7).fill(true),
    ...Array(3).fill(false),
  ])
})
