/**
 * @file The operators that our models use, each with its shape rule. Standard ONNX where that is fast; `com.microsoft` ones
 * (in every build of ONNX Runtime, web included) where it saves a pass over memory.
 */
import { assert } from '../../shared/lib/result.ts'
import { createBuilder, type GraphBuilder, type Scope, type Value } from './builder.ts'
import { type DType, ELEMENT_TYPES } from './proto.ts'
import {
  broadcastShapes,
  type Dim,
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

/** A new graph: the builder and every operator on it. `scope` is that of the graph it lies in. */
export function createGraph(name: string, scope?: Scope) {
  const builder = createBuilder(name, scope)
  const operators = {
    ...builder,
    ...elementwiseOps(builder),
    ...shapeOps(builder),
    ...indexOps(builder),
    ...matrixOps(builder),
    ...reductionOps(builder),
    ...normalisationOps(builder),
    ...attentionOps(builder),
  }
  return {
    ...operators,
    ...compositeOps(operators),
    /** See `loop`. `trip` is the name of the number of trips as a dimension. */
    loop: (trips: Value, trip: Dim, state: readonly Value[], body: LoopBody) =>
      loop(builder, trips, trip, state, body),
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
  const equal = (a: Value, b: Value) =>
    emit('Equal', [a, b], { shape: broadcastShapes(a.shape, b.shape, 'Equal'), dtype: 'bool' })
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
    /** `slope` · x + `offset`, held within [0, 1]: one pass over memory for what is two by a product and a sum. */
    hardSigmoid: (x: Value, slope: number, offset: number) =>
      emit('HardSigmoid', [x], x, { attributes: { alpha: { float: slope }, beta: { float: offset } } }),
    /** ln(1 + eˣ) */
    softplus: unary('Softplus'),
    relu: unary('Relu'),
    /** Exact (erf) GELU. Source: ONNX `Gelu`, opset 20. */
    gelu: unary('Gelu'),
    /** The same numbers in another format; x itself where it has that already. */
    asType: (x: Value, dtype: DType) => (x.dtype === dtype ? x : cast(x, dtype)),
    toFloat: (x: Value) => cast(x, 'f32'),
    /** 1 where a > b, else 0, as f32. */
    isGreater: (a: Value, b: Value) => cast(greater(a, b), 'f32'),
    /** 1 where a = b, else 0, as f32. */
    isEqual: (a: Value, b: Value) => cast(equal(a, b), 'f32'),
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

    transposeLast2: (x: Value) => {
      const order = x.shape.map((_, axis) => axis)
      const perm = [...order.slice(0, -2), ...order.slice(-2).toReversed()]
      return emit(
        'Transpose',
        [x],
        { shape: transposeLast2(x.shape), dtype: x.dtype },
        { attributes: { perm: { ints: perm } } },
      )
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

    /** x[from … to) along one axis. Of a size that only the run knows, the caller says that it reaches to `to`. */
    slice: (x: Value, axis: number, from: number, to: number): Value => {
      const at = resolveAxis(x.shape, axis)
      const size = x.shape[at]!
      const fits = typeof size === 'string' || to <= size
      assert(0 <= from && from < to && fits, `Slice: [${from}, ${to}) of ${formatShape(x.shape)}`)
      if (from === 0 && to === size) return x
      const operands = [ints([from]), ints([to]), ints([at])]
      return emit('Slice', [x, ...operands], { shape: x.shape.with(at, to - from), dtype: x.dtype })
    },
  }
}

function indexOps({ emit, ints, int, scalar }: GraphBuilder) {
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

    /** i64[count]: 0, 1, … count − 1. */
    range: (count: number): Value =>
      emit('Range', [int(0), int(count), int(1)], { shape: [count], dtype: 'i64' }),

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
    return emit('FusedMatMul', [a, b], { shape, dtype: a.dtype }, { domain: MICROSOFT, attributes })
  }
  return {
    matMul: (a: Value, b: Value) =>
      emit('MatMul', [a, b], { shape: matMulShape(a.shape, b.shape), dtype: a.dtype }),

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
    /** The largest over some axes, which stay with size 1. */
    reduceMax: reduce('ReduceMax'),
    /** Sum of squares over some axes, which stay with size 1. */
    reduceSumSquare: reduce('ReduceSumSquare'),
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
  }
}

function attentionOps({ emit }: GraphBuilder) {
  return {
    /**
     * softmax(Q Kᵀ / √headSize) V for all heads in one kernel, rows beyond a text's length left out.
     *
     * @param query   [batch, seq, hidden], as key and value
     * @param lengths i32[batch], tokens of each text; its padding stands at the end
     * Source: com.microsoft MultiHeadAttention.
     */
    multiHeadAttention: (query: Value, key: Value, value: Value, lengths: Value, heads: number) =>
      emit('MultiHeadAttention', [query, key, value, null, lengths], query, {
        domain: MICROSOFT,
        attributes: { num_heads: { int: heads } },
      }),
  }
}

type Operators = GraphBuilder &
  ReturnType<typeof elementwiseOps> &
  ReturnType<typeof reductionOps> &
  ReturnType<typeof indexOps> &
  ReturnType<typeof shapeOps>

/**
 * What is built of other operators, although ONNX has one for it: CUDA has no kernel for that one, and every run would copy
 * its operands to the host and back.
 */
function compositeOps(g: Operators) {
  return {
    /** Zeros around x along one axis: the opposite of `slice`. Not `Pad`: CUDA's is of an opset before ours. */
    pad: (x: Value, axis: number, before: number, after: number): Value => {
      if (before === 0 && after === 0) return x
      const at = resolveAxis(x.shape, axis)
      const zeros = (size: number) => (size > 0 ? [g.zeros(x.shape.with(at, size))] : [])
      return g.concat([...zeros(before), x, ...zeros(after)], at)
    },

    /** x / ‖x‖₂ over the last axis; a zero row stays zero. Not `LpNormalization`. */
    l2Normalise: (x: Value) => {
      const square = g.max(g.reduceSum(g.mul(x, x), -1), g.scalar(SMALLEST_SQUARE))
      return g.div(x, g.sqrt(square))
    },
  }
}
/** Far below the square of any length that means something, and still a normal float32. */
const SMALLEST_SQUARE = 1e-24

export type LoopBody = (
  body: Graph,
  iteration: Value,
  state: readonly Value[],
) => {
  /** The state after this iteration, in the order and the shapes of the state before it. */
  state: readonly Value[]
  /** Of this iteration alone. */
  rows: readonly Value[]
}

/**
 * A body that is run `trips` times, its state handed from one run to the next and kept where it is computed. The body may
 * read values of the graph around it; `iteration`, i64[] from 0, picks its share of what is stacked there.
 *
 * @param trips i64[]
 * @returns     the last state, and `rows` stacked along a new first axis
 * Source: ONNX `Loop`.
 */
function loop(g: GraphBuilder, trips: Value, trip: Dim, state: readonly Value[], emitBody: LoopBody) {
  const body = createGraph('body', g.scope)
  const name = (what: string) => `loop_${g.scope.nextId++}/${what}`
  const iteration = body.input(name('iteration'), 'i64', [])
  const goesOn = body.input(name('goes_on'), 'bool', [])
  const before = state.map(({ dtype, shape }, at) => body.input(name(`state_${at}`), dtype, shape))
  const { state: after, rows } = emitBody(body, iteration, before)
  after.forEach(({ dtype, shape }, at) => {
    const expected = state[at]!
    assert(
      dtype === expected.dtype && isSameShape(shape, expected.shape),
      `Loop: state ${at} stays ${expected.dtype}${formatShape(expected.shape)}`,
    )
  })
  body.output(body.emit('Identity', [goesOn], goesOn), name('goes_on'))
  after.forEach((value, at) => {
    body.output(value, name(`state_${at}`))
  })
  rows.forEach((value, at) => {
    body.output(value, name(`row_${at}`))
  })
  const stacked = rows.map(({ dtype, shape }) => ({ dtype, shape: [trip, ...shape] }))
  const results = g.emitMany('Loop', [trips, null, ...state], [...state, ...stacked], {
    attributes: { body: { graph: body.toGraph() } },
    captures: body.captured(),
  })
  return { state: results.slice(0, state.length), rows: results.slice(state.length) }
}

/** Elements of a value whose shape is known. */
export const countOf = (value: Value): number => elementCount(value.shape)
