import { expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { ADAMW_DEFAULTS, adamW } from './adamw.ts'
import { openOptimiser } from './optimiser.ts'
import { layOut, sharedVector } from './parameters.ts'

/** Large enough for three threads, and cut nowhere where a parameter ends. */
const layout = layOut([
  ['a.weight', [700, 1_001]],
  ['a.bias', [701]],
  ['b.weight', [1_000, 903]],
])

function start() {
  const random = createRandom(4)
  const vector = () => sharedVector(layout.size)
  const [parameters, gradient] = [vector(), vector()]
  for (let i = 0; i < layout.size; i++) {
    parameters[i] = random() - 0.5
    gradient[i] = random() - 0.5
  }
  return { state: { parameters, first: vector(), second: vector() }, gradient }
}

it.each([1, 2, 3, 16])('computes on %i threads what it computes on one, bit for bit', async (threads) => {
  const { state, gradient } = start()
  const expected = start()
  const optimiser = openOptimiser({ layout, state, gradient, adamW: ADAMW_DEFAULTS, threads })
  const squares = gradient.reduce((sum, g) => sum + g * g, 0)
  const norms = [await optimiser.gradientNorm()]
  for (const step of [1, 2]) {
    await optimiser.step({ rate: 0.1, step, scale: 0.5 })
    adamW(expected.state, gradient, layout, { rate: 0.1, step, scale: 0.5 }, ADAMW_DEFAULTS)
  }
  norms.push(await optimiser.gradientNorm())
  await optimiser.close()
  expect(Buffer.from(state.parameters.buffer).equals(Buffer.from(expected.state.parameters.buffer))).toBe(
    true,
  )
  expect(Buffer.from(state.second.buffer).equals(Buffer.from(expected.state.second.buffer))).toBe(true)
  expect(norms[0]).toBe(norms[1])
  expect(norms[0]! / Math.sqrt(squares)).toBeCloseTo(1, 12)
  const alone = openOptimiser({ layout, ...start(), adamW: ADAMW_DEFAULTS, threads: 1 })
  expect(norms[0]).toBe(await alone.gradientNorm())
  await alone.close()
})

it('works on a vector shorter than a share', async () => {
  const small = layOut([['weight', [2]]])
  const [parameters, gradient] = [sharedVector(2), sharedVector(2)]
  gradient.set([3, 4])
  const state = { parameters, first: sharedVector(2), second: sharedVector(2) }
  const optimiser = openOptimiser({ layout: small, state, gradient, adamW: ADAMW_DEFAULTS, threads: 8 })
  expect(await optimiser.gradientNorm()).toBe(5)
  await optimiser.step({ rate: 0.1, step: 1, scale: 1 })
  expect([...parameters]).toEqual([expect.closeTo(-0.1), expect.closeTo(-0.1)])
  await optimiser.close()
})
