import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSession } from '../runtime/session.ts'
import { createGraph } from './ops.ts'

/** state ← state · decay + row, and shows what it has after each trip. */
function decayingSum(width: number) {
  const g = createGraph('sum')
  const trips = g.input('trips', 'i64', [])
  const rows = g.input('rows', 'f32', ['trips', width])
  const start = g.input('start', 'f32', [width])
  const decay = g.add(g.input('decay', 'f32', []), g.scalar(0)) // computed outside, read inside
  const made = g.loop(trips, 'trips', [start], (body, iteration, [state]) => {
    const next = body.add(body.mul(state!, decay), body.gatherRows(rows, iteration))
    return { state: [next], rows: [body.reduceSum(next, 0)] }
  })
  g.output(made.state[0]!, 'end')
  g.output(made.rows[0]!, 'sums')
  return g.toModel()
}

describe('a loop in a graph', () => {
  it('hands its state on, and stacks what each trip shows', async () => {
    const session = await openSession(decayingSum(2), { threads: 1 })
    const number = fc.integer({ min: -8, max: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 9 }), async (rows) => {
        const { end, sums } = await session.run({
          trips: { data: BigInt64Array.of(BigInt(rows.length)), dims: [] },
          rows: { data: Float32Array.from(rows.flat()), dims: [rows.length, 2] },
          start: { data: Float32Array.of(1, 2), dims: [2] },
          decay: { data: Float32Array.of(0.5), dims: [] },
        })
        let state = [1, 2] // halves and small integers are exact
        const expected = rows.map(([a, b]) => {
          state = [state[0]! / 2 + a, state[1]! / 2 + b]
          return state[0]! + state[1]!
        })
        expect([...end!.data]).toEqual(state)
        expect([...sums!.data]).toEqual(expected)
        expect(sums!.dims).toEqual([rows.length, 1])
      }),
      { seed: 4, numRuns: 50 },
    )
    await session.close()
  })

  it('refuses a state that changes its shape, while the graph is written', () => {
    const g = createGraph('wrong')
    const state = g.input('state', 'f32', [2])
    const body = () =>
      g.loop(g.int(3), 'trips', [state], (inner, _, [x]) => ({ state: [inner.reduceSum(x!, 0)], rows: [] }))
    expect(body).toThrow('state 0 stays f32[2]')
  })
})
