/**
 * @file Shapes whose dimensions are numbers or names. A name ("batch") stands for one size, unknown until a session runs,
 * and equals only itself, so a graph for every batch size is checked as strictly as one for a single size.
 */
import { assert } from '../../shared/lib/result.ts'

export type Dim = number | string
export type Shape = readonly Dim[]

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`
export const isSameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis])

/** Position of an axis that may be counted from the end. */
export function resolveAxis(shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis
  assert(resolved >= 0 && resolved < shape.length, `axis ${axis} of shape ${formatShape(shape)}`)
  return resolved
}

/** A dimension that must be known while the graph is written. */
export function staticDim(shape: Shape, axis: number): number {
  const dim = shape[resolveAxis(shape, axis)]
  assert(typeof dim === 'number', `axis ${axis} of ${formatShape(shape)} is a known size`)
  return dim
}

/** Number of elements; every dimension must be known. */
export const elementCount = (shape: Shape): number =>
  shape.reduce<number>((product, _, axis) => product * staticDim(shape, axis), 1)

/** Source: "Multidirectional Broadcasting", ONNX operator documentation. */
export function broadcastShapes(a: Shape, b: Shape, op = 'Broadcast'): Shape {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1
    const right = b[axis - rank + b.length] ?? 1
    assert(
      left === right || left === 1 || right === 1,
      `${op}: ${formatShape(a)} and ${formatShape(b)} broadcast together`,
    )
    return left === 1 ? right : left
  })
}

/**
 * The operand of `Reshape` that turns `from` into `to`: 0 copies the dimension at that place, −1 (once) takes what is left.
 * With names two things must hold: known sizes multiply to the same number, and both sides have the same names.
 */
export function reshapeOperand(from: Shape, to: Shape): number[] {
  const named = (shape: Shape) => shape.filter((dim) => typeof dim === 'string').sort()
  const size = (shape: Shape) => elementCount(shape.filter((dim) => typeof dim === 'number'))
  assert(
    isSameShape(named(from), named(to)) && size(from) === size(to),
    `${formatShape(from)} has the elements of ${formatShape(to)}`,
  )
  const operand = to.map((dim, axis) => (typeof dim === 'number' ? dim : dim === from[axis] ? 0 : -1))
  assert(
    operand.filter((dim) => dim === -1).length <= 1,
    `${formatShape(from)} to ${formatShape(to)} moves at most one named dimension`,
  )
  return operand
}

/** Source: ONNX `MatMul`; both operands have rank ≥ 2, leading axes broadcast. */
export function matMulShape(a: Shape, b: Shape, op = 'MatMul'): Shape {
  assert(a.length >= 2 && b.length >= 2, `${op}: ${formatShape(a)} and ${formatShape(b)} are matrices`)
  assert(a.at(-1) === b.at(-2), `${op}: ${formatShape(a)} × ${formatShape(b)} share their inner dimension`)
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2), op), a.at(-2)!, b.at(-1)!]
}

/** `shape` with its last two axes exchanged. */
export const transposeLast2 = (shape: Shape): Shape => [
  ...shape.slice(0, -2),
  ...shape.slice(-2).toReversed(),
]
