/**
 * @file Runs a graph in float64 by the plainest code there is: the yardstick for rules and graphs in tests, far too slow for
 * anything else. Knows every operator of `graph/ops.ts` but the quantised one.
 */
import { assert } from '../../shared/lib/result.ts'
import type { GraphNode, Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { broadcastShapes, elementCount } from '../graph/shape.ts'

export type Tensor64 = { shape: readonly number[]; data: Float64Array }

const tensor = (shape: readonly number[], data?: ArrayLike<number>): Tensor64 => ({
  shape,
  data: data ? Float64Array.from(data) : new Float64Array(elementCount(shape)),
})

/** Values of `wanted`, given the inputs of the graph by name. */
export function evaluate(
  g: Graph,
  feeds: Readonly<Record<string, Tensor64>>,
  wanted: readonly Value[],
): Tensor64[] {
  const known = new Map<string, Tensor64>(Object.entries(feeds))
  for (const { name, dims, data } of g.initializers.values())
    known.set(name, tensor(dims, Array.from(data as unknown as ArrayLike<number | bigint>, Number)))
  for (const node of g.nodes) {
    const kernel = kernels[node.op]
    assert(kernel, `${node.op} has a reference kernel`)
    const inputs = node.inputs.map((value) => known.get(value!.name)!)
    const outputs = kernel(inputs, node)
    for (const [at, value] of node.outputs.entries()) known.set(value.name, outputs[at]!)
  }
  return wanted.map(({ name }) => known.get(name)!)
}

type Kernel = (inputs: Tensor64[], node: GraphNode) => Tensor64[]

const stridesOf = (shape: readonly number[]): number[] => {
  const strides = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}
const indexAt = (shape: readonly number[], flat: number): number[] => {
  const strides = stridesOf(shape)
  return shape.map((dim, axis) => Math.floor(flat / strides[axis]!) % dim)
}
const flatAt = (shape: readonly number[], index: readonly number[]): number => {
  const strides = stridesOf(shape)
  return index.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)
}
/** y[index] = x[from(index)] */
function remap(x: Tensor64, shape: readonly number[], from: (index: number[]) => readonly number[] | null) {
  const y = tensor(shape)
  for (let flat = 0; flat < y.data.length; flat++) {
    const index = from(indexAt(shape, flat))
    y.data[flat] = index ? x.data[flatAt(x.shape, index)]! : 0
  }
  return y
}
const expand = (x: Tensor64, shape: readonly number[]): Tensor64 => {
  const added = shape.length - x.shape.length
  return remap(x, shape, (index) => index.slice(added).map((at, axis) => (x.shape[axis] === 1 ? 0 : at)))
}

const unary =
  (f: (x: number) => number): Kernel =>
  ([x]) => [tensor(x!.shape, x!.data.map(f))]
const binary =
  (f: (a: number, b: number) => number): Kernel =>
  ([a, b]) => {
    const shape = broadcastShapes(a!.shape, b!.shape) as readonly number[]
    const right = expand(b!, shape)
    const result = expand(a!, shape)
    return [
      tensor(
        shape,
        result.data.map((x, at) => f(x, right.data[at]!)),
      ),
    ]
  }
const rowwise =
  (f: (row: Float64Array) => ArrayLike<number>): Kernel =>
  ([x]) => {
    const width = x!.shape.at(-1)!
    const y = tensor(x!.shape)
    for (let from = 0; from < y.data.length; from += width)
      y.data.set(f(x!.data.slice(from, from + width)), from)
    return [y]
  }
const reduce =
  (isMean: boolean): Kernel =>
  ([x, axes]) => {
    const reduced = [...axes!.data]
    const shape = x!.shape.map((dim, axis) => (reduced.includes(axis) ? 1 : dim))
    const y = tensor(shape)
    for (let flat = 0; flat < x!.data.length; flat++) {
      const index = indexAt(x!.shape, flat).map((at, axis) => (reduced.includes(axis) ? 0 : at))
      y.data[flatAt(shape, index)]! += x!.data[flat]!
    }
    return [
      isMean
        ? tensor(
            shape,
            y.data.map((sum) => (sum * y.data.length) / x!.data.length),
          )
        : y,
    ]
  }
const sum = (row: ArrayLike<number>): number => Array.from(row).reduce((total, value) => total + value, 0)

/** erf by its Maclaurin series within ±3, by the continued fraction of erfc beyond. Source: DLMF 7.6.1, 7.9.1. */
export function erf(x: number): number {
  const size = Math.abs(x)
  if (size < 3) {
    let term = size
    let total = size
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= -(size * size) / n
      total += term / (2 * n + 1)
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI)
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction)
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction))
}

const flag = (node: GraphNode, name: string): boolean => {
  const attribute = node.attributes[name]
  return attribute !== undefined && 'int' in attribute && attribute.int === 1
}
const turned = (x: Tensor64, turn: boolean): Tensor64 => {
  if (!turn) return x
  const shape = [...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!]
  return remap(x, shape, (index) => [...index.slice(0, -2), index.at(-1)!, index.at(-2)!])
}
function product(a: Tensor64, b: Tensor64, alpha: number): Tensor64 {
  const [rows, inner, columns] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!]
  const lead = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)) as readonly number[]
  const left = expand(a, [...lead, rows, inner])
  const right = expand(b, [...lead, inner, columns])
  const y = tensor([...lead, rows, columns])
  for (let flat = 0; flat < y.data.length; flat++) {
    const column = flat % columns
    const row = Math.floor(flat / columns) % rows
    const batch = Math.floor(flat / columns / rows)
    for (let k = 0; k < inner; k++)
      y.data[flat]! +=
        alpha *
        left.data[(batch * rows + row) * inner + k]! *
        right.data[(batch * inner + k) * columns + column]!
  }
  return y
}
const floatOf = ({ attributes }: GraphNode, name: string): number => {
  const attribute = attributes[name]
  return attribute && 'float' in attribute ? attribute.float : 1
}
const fused: Kernel = ([a, b], node) => [
  product(turned(a!, flag(node, 'transA')), turned(b!, flag(node, 'transB')), floatOf(node, 'alpha')),
]
const staticShape = (value: Value): readonly number[] => value.shape as readonly number[]

const kernels: Readonly<Record<string, Kernel>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Max: binary(Math.max),
  Min: binary(Math.min),
  Greater: binary((a, b) => Number(a > b)),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Erf: unary(erf),
  Tanh: unary(Math.tanh),
  HardSigmoid: ([x], node) =>
    unary((value) => Math.min(1, Math.max(0, floatOf(node, 'alpha') * value + floatOf(node, 'beta'))))(
      [x!],
      node,
    ),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Softplus: unary((x) => Math.log1p(Math.exp(x))),
  Relu: unary((x) => Math.max(0, x)),
  Gelu: unary((x) => (x / 2) * (1 + erf(x * Math.SQRT1_2))),
  Cast: unary((x) => x),
  Reshape: ([x], { outputs: [y] }) => [{ shape: staticShape(y!), data: x!.data }],
  Expand: ([x], { outputs: [y] }) => [expand(x!, staticShape(y!))],
  Transpose: ([x], { attributes: { perm } }) => {
    const order = perm && 'ints' in perm ? perm.ints : []
    const shape = order.map((axis) => x!.shape[axis]!)
    return [remap(x!, shape, (index) => x!.shape.map((_, axis) => index[order.indexOf(axis)]!))]
  },
  Slice: ([x, from, , axes], { outputs: [y] }) => {
    const axis = axes!.data[0]!
    return [remap(x!, staticShape(y!), (index) => index.with(axis, index[axis]! + from!.data[0]!))]
  },
  Split: ([x], { outputs }) =>
    outputs.map((part, at) => {
      const width = staticShape(part).at(-1)!
      return remap(x!, staticShape(part), (index) => index.with(-1, index.at(-1)! + at * width))
    }),
  Concat: (parts, { outputs: [y], attributes: { axis } }) => {
    const at = axis && 'int' in axis ? axis.int : 0
    const result = tensor(staticShape(y!))
    let from = 0
    for (const part of parts) {
      part.data.forEach((value, flat) => {
        const index = indexAt(part.shape, flat)
        result.data[flatAt(result.shape, index.with(at, index[at]! + from))] = value
      })
      from += part.shape[at]!
    }
    return [result]
  },
  Gather: ([table, ids], { outputs: [y] }) => {
    const rank = ids!.shape.length
    return [
      remap(table!, staticShape(y!), (index) => [
        ids!.data[flatAt(ids!.shape, index.slice(0, rank))]!,
        ...index.slice(rank),
      ]),
    ]
  },
  GatherElements: ([x, columns]) => [
    remap(x!, columns!.shape, ([row, column]) => [row!, columns!.data[row! * columns!.shape[1]! + column!]!]),
  ],
  ScatterElements: ([onto, indices, updates], { attributes: { axis } }) => {
    const at = axis && 'int' in axis ? axis.int : 0
    const y = tensor(onto!.shape, onto!.data)
    updates!.data.forEach((value, flat) => {
      const index = indexAt(updates!.shape, flat)
      y.data[flatAt(y.shape, index.with(at, indices!.data[flat]!))]! += value
    })
    return [y]
  },
  MatMul: ([a, b]) => [product(a!, b!, 1)],
  FusedMatMul: fused,
  Gemm: (inputs, node) => {
    const [result] = fused(inputs, node)
    const bias = inputs[2]
    return bias ? binary((a, b) => a + b)([result!, bias], node) : [result!]
  },
  ReduceSum: reduce(false),
  ReduceMean: reduce(true),
  Softmax: rowwise((row) => {
    const top = Math.max(...row)
    const total = sum(row.map((x) => Math.exp(x - top)))
    return row.map((x) => Math.exp(x - top) / total)
  }),
  LogSoftmax: rowwise((row) => {
    const top = Math.max(...row)
    const log = top + Math.log(sum(row.map((x) => Math.exp(x - top))))
    return row.map((x) => x - log)
  }),
  LayerNormalization: ([x, weight, bias], { attributes: { epsilon }, outputs: [, mean, rate] }) => {
    const width = x!.shape.at(-1)!
    const y = tensor(x!.shape)
    const means = tensor(staticShape(mean!))
    const rates = tensor(staticShape(rate!))
    for (let row = 0; row < means.data.length; row++) {
      const values = x!.data.slice(row * width, (row + 1) * width)
      const centre = sum(values) / width
      const variance = sum(values.map((value) => (value - centre) ** 2)) / width
      means.data[row] = centre
      rates.data[row] = 1 / Math.sqrt(variance + (epsilon && 'float' in epsilon ? epsilon.float : 0))
      values.forEach((value, at) => {
        y.data[row * width + at] = (value - centre) * rates.data[row]! * weight!.data[at]! + bias!.data[at]!
      })
    }
    return [y, means, rates]
  },
}
