/**
 * @file The operators that our models use, each with its shape rule. Standard ONNX where that is fast; `com.microsoft` ones
 * (in every build of ONNX Runtime, web included) where it saves a pass over memory.
 */
import { assert } from '../../shared/lib/result.ts'
import { createBuilder, type GraphBuilder, type Value } from './builder.ts'
import { ELEMENT_TYPES } from './proto.ts'
import {
  broadcastShapes,
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
    ...matrixOps(builder),
    ...normalisationOps(builder),
  }
}

function elementwiseOps({ emit }: GraphBuilder) {
  const binary = (op: string) => (a: Value, b: Value) => {
    assert(a.dtype === b.dtype, `${op} of ${a.dtype} and ${b.dtype}`)
    return emit(op, [a, b], { shape: broadcastShapes(a.shape, b.shape), dtype: a.dtype })
  }
  return {
    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    /** Exact (erf) GELU. Source: ONNX `Gelu`, opset 20. */
    gelu: (x: Value) => emit('Gelu', [x], x),
    toFloat: (x: Value) =>
      emit('Cast', [x], { shape: x.shape, dtype: 'f32' }, { attributes: { to: { int: ELEMENT_TYPES.f32 } } }),
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
        `(${order}) orders the axes of ${formatShape(x.shape)}`,
      )
      const shape = order.map((axis) => x.shape[axis]!)
      return emit('Transpose', [x], { shape, dtype: x.dtype }, { attributes: { perm: { ints: order } } })
    },

    /** Cut the last axis into `count` equal parts. */
    splitLast: (x: Value, count: number): Value[] => {
      const size = staticDim(x.shape, -1) / count
      assert(Number.isInteger(size), `${formatShape(x.shape)} splits into ${count}`)
      const part = { shape: [...x.shape.slice(0, -1), size], dtype: x.dtype }
      const attributes = { axis: { int: -1 }, num_outputs: { int: count } }
      return emitMany('Split', [x], Array(count).fill(part), { attributes })
    },

    /** Rows of a table by index: table[rows, …], ids i64[…] → [ids…, …]. */
    gatherRows: (table: Value, ids: Value) =>
      emit('Gather', [table, ids], { shape: [...ids.shape, ...table.shape.slice(1)], dtype: table.dtype }),

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

function matrixOps({ emit }: GraphBuilder) {
  return {
    matMul: (a: Value, b: Value) =>
      emit('MatMul', [a, b], { shape: matMulShape(a.shape, b.shape), dtype: 'f32' }),

    /** `alpha` · a bᵀ in one pass: no transposed copy, no separate scaling. Source: com.microsoft FusedMatMul. */
    matMulTransposed: (a: Value, b: Value, alpha = 1) =>
      emit(
        'FusedMatMul',
        [a, b],
        { shape: matMulShape(a.shape, transposeLast2(b.shape)), dtype: 'f32' },
        { domain: MICROSOFT, attributes: { transB: { int: 1 }, alpha: { float: alpha } } },
      ),

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
        { shape: matMulShape(x.shape, weight.shape), dtype: 'f32' },
        { domain: MICROSOFT },
      ),
  }
}

function normalisationOps({ emit, ints }: GraphBuilder) {
  return {
    /** Softmax over the last axis. */
    softmax: (x: Value) => emit('Softmax', [x], x, { attributes: { axis: { int: -1 } } }),

    /** Over the last axis. */
    layerNorm: (x: Value, weight: Value, bias: Value, epsilon: number) => {
      assert(weight.shape[0] === x.shape.at(-1), `layer norm of ${formatShape(x.shape)}`)
      const attributes = { axis: { int: -1 }, epsilon: { float: epsilon } }
      return emit('LayerNormalization', [x, weight, bias], x, { attributes })
    },

    /** Sum over one axis, which stays with size 1. */
    reduceSum: (x: Value, axis: number) => {
      const at = resolveAxis(x.shape, axis)
      const shape = x.shape.map((dim, index) => (index === at ? 1 : dim))
      return emit('ReduceSum', [x, ints([at])], { shape, dtype: x.dtype })
    },

    /** x / ‖x‖₂ over the last axis; a zero row stays zero. */
    l2Normalise: (x: Value) =>
      emit('LpNormalization', [x], x, { attributes: { axis: { int: -1 }, p: { int: 2 } } }),
  }
}
