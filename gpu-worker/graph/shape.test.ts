import { describe, expect, it } from 'vitest'
import { createGraph } from './ops.ts'
import { broadcastShapes, matMulShape, reshapeOperand } from './shape.ts'

describe('shapes with names for sizes that are not known yet', () => {
  it('broadcast from the right, a name only with itself or 1', () => {
    expect(broadcastShapes(['batch', 8, 1], [1, 'seq'])).toEqual(['batch', 8, 'seq'])
    expect(broadcastShapes([4], ['batch', 4])).toEqual(['batch', 4])
    expect(() => broadcastShapes(['batch'], ['seq'])).toThrow('[batch] and [seq] broadcast together')
    expect(() => broadcastShapes([2, 3], [4, 3])).toThrow('broadcast together')
  })
  it('multiply only when the inner dimensions agree', () => {
    expect(matMulShape(['batch', 'seq', 8], [8, 16])).toEqual(['batch', 'seq', 16])
    expect(() => matMulShape([2, 8], [4, 2])).toThrow('share their inner dimension')
  })
  it('reshape without losing an element or a name', () => {
    expect(reshapeOperand(['batch', 'seq', 32], ['batch', 'seq', 4, 8])).toEqual([0, 0, 4, 8])
    expect(() => reshapeOperand(['batch', 32], ['batch', 31])).toThrow('has the elements of')
    expect(() => reshapeOperand(['batch', 32], ['seq', 32])).toThrow('has the elements of')
  })
  it('are checked while the graph is written, with the operator in the message', () => {
    const g = createGraph('test')
    const a = g.input('a', 'f32', ['batch', 4])
    const ids = g.input('ids', 'i64', ['batch', 4])
    expect(() => g.add(a, ids)).toThrow('Add of f32 and i64')
    expect(() => g.splitLast(a, 3)).toThrow('splits into 3')
  })
})
