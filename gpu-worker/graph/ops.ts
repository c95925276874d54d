/**
 * @file The operators that our models use, each with its shape rule. Standard ONNX where that is fast; `com.microsoft` ones
 * (in every build of ONNX Runtime, web included) where it saves a pass over memory.
 */
import { assert } from '../../shared/lib/result.ts'
import { createBuilder, type GraphBuilder, type Value } from './builder.ts'
import { type DType, ELEMENT_TYPES } from './proto.ts'
import {
  broadcastShapes,
  elementCount,
  formatShape,
  isSameShape,
  matMulShape,
  reshapeOperand,
  resolveAxis,
  type Shape,
  staticDim,
  transposeLast2,
} from './shape.ts'

const MICROSOFT = 'com.microsoft'

export type Graph = ReturnType<typeof createGraph>

/** A new graph: the builder and every operator on it. */
export function createGraph(name: string) {
  const builder = createBuilder(name)
  return {
    ...builder,
    ...elementwiseOps(builder),
    ...shapeOps(builder),
    ...indexOps(builder),
    ...matrixOps(builder),
    ...reductionOps(builder),
    ...normalisationOps(builder),
  }
}

function elementwiseOps({ emit }: GraphBuilder) {
  const unary = (op: string) => (x: Value) => emit(op, [x], x)
  const binary = (op: string) => (a: Value, b: Value) => {
    assert(a.dtype === b.dtype, `${op} of ${a.dtype} and ${b.dtype}`)
    return emit(op, [a, b], { shape: broadcastShapes(a.shape, b.shape, op), dtype: a.dtype })
  }
  const cast = (x: Value, dtype: DType) =>
    emit('Cast', [x], { shape: x.shape, dtype }, { attributes: { to: { int: ELEMENT_TYPES[dtype] } } })
  const greater = (a: Value, b: Value) =>
    emit('Greater', [a, b], { shape: broadcastShapes(a.shape, b.shape, 'Greater'), dtype: 'bool' })
  return {
    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    max: binary('Max'),
    min: binary('Min'),
    neg: unary('Neg'),
    abs: unary('Abs'),
    sign: unary('Sign'),
    sqrt: unary('Sqrt'),
    exp: unary('Exp'),
    log: unary('Log'),
    erf: unary('Erf'),
    tanh: unary('Tanh'),
    sigmoid: unary('Sigmoid'),
    /** ln(1 + eˣ) */
    softplus: unary('Softplus'),
    relu: unary('Relu'),
    /** Exact (erf) GELU. Source: ONNX `Gelu`, opset 20. */
    gelu: unary('Gelu'),
    toFloat: (x: Value) => cast(x, 'f32'),
    /** 1 where a > b, else 0, as f32. */
    isGreater: (a: Value, b: Value) => cast(greater(a, b), 'f32'),
  }
}

function shapeOps({ emit, emitMany, ints }: GraphBuilder) {
  return {
    reshape: (x: Value, shape: Shape): Value =>
      isSameShape(x.shape, shape)
        ? x
        : emit('Reshape', [x, ints(reshapeOperand(x.shape, shape))], { shape, dtype: x.dtype }),

    transpose: (x: Value, order: readonly number[]) => {
      assert(
        isSameShape(
          order.toSorted((a, b) => a - b),
          x.shape.map((_, axis) => axis),
        ),
        `Transpose: (${order}) orders the axes of ${formatShape(x.shape)}`,
      )
      const shape = order.map((axis) => x.shape[axis]!)
      return emit('Transpose', [x], { shape, dtype: x.dtype }, { attributes: { perm: { ints: order } } })
    },

    /** The same numbers repeated to a larger shape. */
    expand: (x: Value, shape: Shape): Value => {
      if (isSameShape(x.shape, shape)) return x
      assert(
        isSameShape(broadcastShapes(x.shape, shape, 'Expand'), shape),
        `Expand: ${formatShape(x.shape)} grows to ${formatShape(shape)}`,
      )
      const operand = ints(shape.map((_, axis) => staticDim(shape, axis)))
      return emit('Expand', [x, operand], { shape, dtype: x.dtype })
    },

    /** Cut the last axis into `count` equal parts. */
    splitLast: (x: Value, count: number): Value[] => {
      const size = staticDim(x.shape, -1) / count
      assert(Number.isInteger(size), `Split: ${formatShape(x.shape)} splits into ${count}`)
      const part = { shape: [...x.shape.slice(0, -1), size], dtype: x.dtype }
      const attributes = { axis: { int: -1 }, num_outputs: { int: count } }
      return emitMany('Split', [x], Array(count).fill(part), { attributes })
    },

    concat: (parts: readonly Value[], axis: number): Value => {
      const first = parts[0]!
      const at = resolveAxis(first.shape, axis)
      for (const part of parts)
        assert(
          isSameShape(part.shape.toSpliced(at, 1), first.shape.toSpliced(at, 1)),
          `Concat: ${formatShape(first.shape)} and ${formatShape(part.shape)} differ on axis ${at} only`,
        )
      const size = parts.reduce((sum, part) => sum + staticDim(part.shape, at), 0)
      return emit(
        'Concat',
        parts,
        { shape: first.shape.with(at, size), dtype: first.dtype },
        { attributes: { axis: { int: at } } },
      )
    },

    /** x[from … to) along one axis. */
    slice: (x: Value, axis: number, from: number, to: number): Value => {
      const at = resolveAxis(x.shape, axis)
      const size = staticDim(x.shape, at)
      assert(0 <= from && from < to && to <= size, `Slice: [${from}, ${to}) of ${formatShape(x.shape)}`)
      if (from === 0 && to === size) return x
      const operands = [ints([from]), ints([to]), ints([at])]
      return emit('Slice', [x, ...operands], { shape: x.shape.with(at, to - from), dtype: x.dtype })
    },

    /** Zeros around x along one axis: the opposite of `slice`. */
    pad: (x: Value, axis: number, before: number, after: number): Value => {
      const at = resolveAxis(x.shape, axis)
      if (before === 0 && after === 0) return x
      const edge = (size: number) => x.shape.map((_, index) => (index === at ? size : 0))
      const shape = x.shape.with(at, staticDim(x.shape, at) + before + after)
      return emit('Pad', [x, ints([...edge(before), ...edge(after)])], { shape, dtype: x.dtype })
    },
  }
}

function indexOps({ emit, ints, scalar }: GraphBuilder) {
  return {
    /** Rows of a table by index: table[rows, …], ids i64[…] → [ids…, …]. */
    gatherRows: (table: Value, ids: Value) =>
      emit('Gather', [table, ids], { shape: [...ids.shape, ...table.shape.slice(1)], dtype: table.dtype }),

    /** One number of each row: x[n, m], columns i64[n, k] → [n, k]. */
    gatherColumns: (x: Value, columns: Value) => {
      assert(
        x.shape.length === 2 && columns.shape.length === 2 && x.shape[0] === columns.shape[0],
        `GatherElements: ${formatShape(columns.shape)} picks from the rows of ${formatShape(x.shape)}`,
      )
      const attributes = { axis: { int: 1 } }
      return emit('GatherElements', [x, columns], { shape: columns.shape, dtype: x.dtype }, { attributes })
    },

    /**
     * `onto` with `updates` added at `indices` along `axis`; an index may come many times. Not `ScatterND`: with
     * `reduction=add` its CPU kernel loses updates when threads meet at one index.
     */
    scatterAdd: (onto: Value, indices: Value, updates: Value, axis: number) => {
      assert(
        isSameShape(indices.shape, updates.shape),
        `ScatterElements: ${formatShape(indices.shape)} and ${formatShape(updates.shape)} are the same`,
      )
      const attributes = { axis: { int: axis }, reduction: { string: 'add' } }
      return emit('ScatterElements', [onto, indices, updates], onto, { attributes })
    },

    zeros: (shape: Shape): Value =>
      shape.length === 0
        ? scalar(0)
        : emit('Expand', [scalar(0), ints(shape.map((_, axis) => staticDim(shape, axis)))], {
            shape,
            dtype: 'f32',
          }),

    /** As many leading rows of `table` as `like` is long on `axis`. A run that asks for more rows than there are fails. */
    firstRows: (table: Value, like: Value, axis: number) => {
      const at = resolveAxis(like.shape, axis)
      const size = like.shape[at]!
      const end =
        typeof size === 'number'
          ? ints([size])
          : emit(
              'Shape',
              [like],
              { shape: [1], dtype: 'i64' },
              { attributes: { start: { int: at }, end: { int: at + 1 } } },
            )
      const shape = [size, ...table.shape.slice(1)]
      return emit('Slice', [table, ints([0]), end, ints([0])], { shape, dtype: table.dtype })
    },
  }
}

export type MatMulOptions = { transA?: boolean; transB?: boolean; alpha?: number }

function matrixOps({ emit }: GraphBuilder) {
  const fusedMatMul = (a: Value, b: Value, options: MatMulOptions = {}) => {
    const { transA = false, transB = false, alpha = 1 } = options
    const left = transA ? transposeLast2(a.shape) : a.shape
    const right = transB ? transposeLast2(b.shape) : b.shape
    const attributes = {
      transA: { int: Number(transA) },
      transB: { int: Number(transB) },
      alpha: { float: alpha },
    }
    const shape = matMulShape(left, right, 'FusedMatMul')
    return emit('FusedMatMul', [a, b], { shape, dtype: 'f32' }, { domain: MICROSOFT, attributes })
  }
  return {
    matMul: (a: Value, b: Value) =>
      emit('MatMul', [a, b], { shape: matMulShape(a.shape, b.shape), dtype: 'f32' }),

    /** `alpha` · a b with either side transposed on its last two axes, in one pass. Source: com.microsoft FusedMatMul. */
    fusedMatMul,
    /** `alpha` · a bᵀ: no transposed copy, no separate scaling. */
    matMulTransposed: (a: Value, b: Value, alpha = 1) => fusedMatMul(a, b, { transB: true, alpha }),

    /** alpha · a b + c on matrices, either side transposed; c is a row f32[n] or absent. Source: ONNX `Gemm`. */
    gemm: (a: Value, b: Value, c: Value | null = null, options: MatMulOptions = {}) => {
      const { transA = false, transB = false, alpha = 1 } = options
      const shape = matMulShape(
        transA ? transposeLast2(a.shape) : a.shape,
        transB ? transposeLast2(b.shape) : b.shape,
        'Gemm',
      )
      assert(
        shape.length === 2 && (!c || isSameShape(broadcastShapes(c.shape, shape, 'Gemm'), shape)),
        `Gemm: ${formatShape(shape)} takes the bias ${formatShape(c?.shape ?? [])}`,
      )
      const attributes = {
        transA: { int: Number(transA) },
        transB: { int: Number(transB) },
        alpha: { float: alpha },
      }
      return emit('Gemm', c ? [a, b, c] : [a, b], { shape, dtype: 'f32' }, { attributes })
    },

    /**
     * x W + bias with W in int8 and x quantised to uint8 as it comes, **one scale for the whole of x**: a row's result
     * depends a little on the other rows of its batch.
     *
     * @param weight i8[in, out]
     * @param scale  f32[out]: one per column of the weight
     * Source: com.microsoft DynamicQuantizeMatMul.
     */
    dynamicQuantizeMatMul: (x: Value, weight: Value, scale: Value, bias: Value) =>
      emit(
        'DynamicQuantizeMatMul',
        [x, weight, scale, null, bias],
        { shape: matMulShape(x.shape, weight.shape, 'DynamicQuantizeMatMul'), dtype: 'f32' },
        { domain: MICROSOFT },
      ),
  }
}

function reductionOps({ emit, ints }: GraphBuilder) {
  const reduce = (op: string) => (x: Value, axes: number | readonly number[]) => {
    const reduced = [axes].flat().map((axis) => resolveAxis(x.shape, axis))
    const shape = x.shape.map((dim, axis) => (reduced.includes(axis) ? 1 : dim))
    return emit(op, [x, ints(reduced)], { shape, dtype: x.dtype })
  }
  return {
    /** Sum over some axes, which stay with size 1. */
    reduceSum: reduce('ReduceSum'),
    /** Mean over some axes, which stay with size 1. */
    reduceMean: reduce('ReduceMean'),
  }
}

function normalisationOps({ emit, emitMany }: GraphBuilder) {
  const lastAxis = { axis: { int: -1 } }
  return {
    /** Softmax over the last axis. */
    softmax: (x: Value) => emit('Softmax', [x], x, { attributes: lastAxis }),
    /** Logarithm of the softmax over the last axis. */
    logSoftmax: (x: Value) => emit('LogSoftmax', [x], x, { attributes: lastAxis }),

    /** Over the last axis. */
    layerNorm: (x: Value, weight: Value, bias: Value, epsilon: number) => {
      assert(
        weight.shape[0] === x.shape.at(-1),
        `LayerNormalization: ${formatShape(x.shape)} by ${formatShape(weight.shape)}`,
      )
      const attributes = { axis: { int: -1 }, epsilon: { float: epsilon } }
      // Mean and 1 / deviation are there for the backward pass.
      const rows = { shape: x.shape.with(-1, 1), dtype: x.dtype }
      const options = { attributes, requiredOutputs: 1 }
      return emitMany('LayerNormalization', [x, weight, bias], [x, rows, rows], options)[0]!
    },

    /** x / ‖x‖₂ over the last axis; a zero row stays zero. */
    l2Normalise: (x: Value) =>
      emit('LpNormalization', [x], x, { attributes: { ...lastAxis, p: { int: 2 } } }),
  }
}

/** Elements of a value whose shape is known. */
export const countOf = (value: Value): number => elementCount(value.shape)
