/**
 * @file One pullback (vector-Jacobian product) per operator: from the cotangent of a node's output to those of its inputs.
 * A rule may return a cotangent in the shape of the output where the forward operator broadcast; the walk in `backward.ts`
 * sums it back, once for all rules. `null` says that nothing flows to an input.
 *
 * Written ȳ for ∂loss/∂y. Source: Griewank and Walther, Evaluating Derivatives, 2008, ch. 3.
 */
import { assert } from '../../shared/lib/result.ts'
import type { GraphNode, Value } from '../graph/builder.ts'
import { countOf, type Graph } from '../graph/ops.ts'
import { staticDim } from '../graph/shape.ts'

/**
 * @param ct    cotangents by output; `null` where the loss does not depend on one. At least one is there.
 * @param needs by input, whether its cotangent is of use: a rule need not emit the others
 * @returns     one entry per input
 */
export type VjpRule = (
  g: Graph,
  node: GraphNode & { inputs: readonly Value[] },
  ct: readonly (Value | null)[],
  needs: readonly boolean[],
) => (Value | null)[]

/** The rule of an operator with one output. */
type SimpleRule = (
  g: Graph,
  node: { inputs: readonly Value[]; y: Value; attributes: GraphNode['attributes'] },
  ct: Value,
  needs: readonly boolean[],
) => (Value | null)[]

const simple =
  (rule: SimpleRule): VjpRule =>
  (g, { inputs, outputs, attributes }, ct, needs) =>
    rule(g, { inputs, y: outputs[0]!, attributes }, ct[0]!, needs)

const intOf = (attributes: GraphNode['attributes'], name: string): number => {
  const attribute = attributes[name]
  assert(attribute && 'int' in attribute, `the node has an integer ${name}`)
  return attribute.int
}
const floatOf = (attributes: GraphNode['attributes'], name: string): number => {
  const attribute = attributes[name]
  assert(attribute && 'float' in attribute, `the node has a float ${name}`)
  return attribute.float
}
const LN_SQRT_PI = Math.log(Math.PI) / 2

export const vjpRules: Readonly<Record<string, VjpRule>> = {
  // z = x + y                              x̄ = z̄,   ȳ = z̄
  Add: simple((_g, _node, ct) => [ct, ct]),

  // z = x − y                              x̄ = z̄,   ȳ = −z̄
  Sub: simple((g, _node, ct, needs) => [ct, needs[1] ? g.neg(ct) : null]),

  // z = x y                                x̄ = z̄ y,   ȳ = z̄ x
  Mul: simple((g, { inputs: [x, y] }, ct, needs) => [
    needs[0] ? g.mul(ct, y!) : null,
    needs[1] ? g.mul(ct, x!) : null,
  ]),

  // z = x / y                              x̄ = z̄ / y,   ȳ = −z̄ z / y
  Div: simple((g, { inputs: [, y], y: z }, ct, needs) => {
    const quotient = g.div(ct, y!)
    return [quotient, needs[1] ? g.neg(g.mul(quotient, z)) : null]
  }),

  // z = max(x, y)                          x̄ = z̄ [x > y],   ȳ = z̄ (1 − [x > y])
  Max: simple((g, { inputs: [x, y] }, ct) => {
    const first = g.mul(ct, g.isGreater(x!, y!))
    return [first, g.sub(ct, first)]
  }),

  // z = min(x, y)                          x̄ = z̄ [y > x],   ȳ = z̄ (1 − [y > x])
  Min: simple((g, { inputs: [x, y] }, ct) => {
    const first = g.mul(ct, g.isGreater(y!, x!))
    return [first, g.sub(ct, first)]
  }),

  // y = −x                                 x̄ = −ȳ
  Neg: simple((g, _node, ct) => [g.neg(ct)]),

  // y = |x|                                x̄ = ȳ sign(x)
  Abs: simple((g, { inputs: [x] }, ct) => [g.mul(ct, g.sign(x!))]),

  // y = √x                                 x̄ = ȳ / 2y
  Sqrt: simple((g, { y }, ct) => [g.div(g.mul(ct, g.scalar(0.5)), y)]),

  // y = eˣ                                 x̄ = ȳ y
  Exp: simple((g, { y }, ct) => [g.mul(ct, y)]),

  // y = ln x                               x̄ = ȳ / x
  Log: simple((g, { inputs: [x] }, ct) => [g.div(ct, x!)]),

  // y = erf(x)                             x̄ = ȳ · 2/√π · e^(−x²)
  Erf: simple((g, { inputs: [x] }, ct) => {
    const bell = g.exp(g.neg(g.mul(x!, x!)))
    return [g.mul(ct, g.mul(bell, g.scalar(2 / Math.sqrt(Math.PI))))]
  }),

  // y = tanh x                             x̄ = ȳ (1 − y²)
  Tanh: simple((g, { y }, ct) => [g.mul(ct, g.sub(g.scalar(1), g.mul(y, y)))]),

  // y = σ(x)                               x̄ = ȳ y (1 − y)
  Sigmoid: simple((g, { y }, ct) => [g.mul(ct, g.mul(y, g.sub(g.scalar(1), y)))]),

  // y = ln(1 + eˣ)                         x̄ = ȳ σ(x)
  Softplus: simple((g, { inputs: [x] }, ct) => [g.mul(ct, g.sigmoid(x!))]),

  // y = max(x, 0)                          x̄ = ȳ [y > 0]
  Relu: simple((g, { y }, ct) => [g.mul(ct, g.isGreater(y, g.scalar(0)))]),

  // y = x Φ(x)                             x̄ = ȳ (Φ(x) + x φ(x))
  // With u = x/√2:  Φ = ½ erf u + ½,  x φ = u / e^(u² + ln √π).  A quotient, not a product with e^(−u²): one pass less, and
  // where the power overflows to ∞ the quotient is 0, as it should be.
  Gelu: simple((g, { inputs: [x] }, ct) => {
    const u = g.mul(x!, g.scalar(Math.SQRT1_2))
    const tail = g.div(u, g.exp(g.add(g.mul(u, u), g.scalar(LN_SQRT_PI))))
    return [g.mul(ct, g.add(g.hardSigmoid(g.erf(u), 0.5, 0.5), tail))]
  }),

  // y = x in another number format         x̄ = ȳ
  Cast: simple((g, { inputs: [x] }, ct) => [x!.dtype === 'f32' ? g.toFloat(ct) : null]),

  // y = x, seen in another shape           x̄ = ȳ, seen in the shape of x
  Reshape: simple((g, { inputs: [x] }, ct) => [g.reshape(ct, x!.shape), null]),

  // y = x, repeated                        x̄ = Σ ȳ over the repeats: the walk's own sum
  Expand: simple((_g, _node, ct) => [ct, null]),

  // y[i∘p] = x[i]                          x̄ = ȳ with the axes put back
  Transpose: simple((g, { attributes }, ct) => {
    const perm = attributes.perm
    assert(perm && 'ints' in perm, 'a transpose has its permutation')
    return [
      g.transpose(
        ct,
        perm.ints.map((_, axis) => perm.ints.indexOf(axis)),
      ),
    ]
  }),

  // y = x[from … to)                       x̄ = ȳ with zeros around it
  Slice: simple((g, { inputs: [x, from, , axes], y }, ct) => {
    const axis = g.readInts(axes!)[0]!
    const before = g.readInts(from!)[0]!
    const after = staticDim(x!.shape, axis) - before - staticDim(y.shape, axis)
    return [g.pad(ct, axis, before, after), null, null, null]
  }),

  // y₁ … yₙ = parts of x                   x̄ = ȳ₁ … ȳₙ side by side, zeros for a part that nothing used
  Split: (g, { outputs }, ct) => [
    g.concat(
      outputs.map((part, index) => ct[index] ?? g.zeros(part.shape)),
      -1,
    ),
  ],

  // y = x₁ … xₙ side by side               x̄ᵢ = the part of ȳ that xᵢ became
  Concat: simple((g, { inputs, attributes }, ct, needs) => {
    const axis = intOf(attributes, 'axis')
    let from = 0
    return inputs.map((x, index) => {
      const at = from
      from += staticDim(x.shape, axis)
      return needs[index] ? g.slice(ct, axis, at, from) : null
    })
  }),

  // y[i] = table[ids[i]]                   t̄able[r] = Σ ȳ[i] over the i with ids[i] = r
  Gather: simple((g, { inputs: [table, ids] }, ct) => {
    const rows = countOf(ids!)
    const columns = table!.shape.slice(1)
    const flat = g.reshape(ids!, [rows, ...columns.map(() => 1)])
    const at = g.expand(flat, [rows, ...columns])
    return [g.scatterAdd(g.zeros(table!.shape), at, g.reshape(ct, [rows, ...columns]), 0), null]
  }),

  // y[i,j] = x[i, columns[i,j]]            x̄[i,c] = Σ ȳ[i,j] over the j with columns[i,j] = c
  GatherElements: simple((g, { inputs: [x, columns] }, ct) => [
    g.scatterAdd(g.zeros(x!.shape), columns!, ct, 1),
    null,
  ]),

  // z[…,m,n] = x[…,m,k] y[…,k,n]           x̄ = z̄ yᵀ,   ȳ = xᵀ z̄
  MatMul: simple((g, { inputs: [x, y] }, ct, needs) => [
    needs[0] ? g.fusedMatMul(ct, y!, { transB: true }) : null,
    needs[1] ? g.fusedMatMul(x!, ct, { transA: true }) : null,
  ]),

  // z = α op(x) op(y)                      op(x)‾ = α z̄ op(y)ᵀ,   op(y)‾ = α op(x)ᵀ z̄,   turned where op turns
  FusedMatMul: simple((g, { inputs: [x, y], attributes }, ct, needs) =>
    productRule(attributes, (a, b, options) => g.fusedMatMul(a, b, options))(x!, y!, ct, needs),
  ),

  // z = α op(x) op(y) + c                  as above;   c̄ = z̄
  Gemm: simple((g, { inputs: [x, y, c], attributes }, ct, needs) => [
    ...productRule(attributes, (a, b, options) => g.gemm(a, b, null, options))(x!, y!, ct, needs),
    ...(c ? [ct] : []),
  ]),

  // y = Σ x over some axes                 x̄ = ȳ, repeated
  ReduceSum: simple((g, { inputs: [x] }, ct) => [g.expand(ct, x!.shape), null]),

  // y = Σ x / n over some axes             x̄ = ȳ / n, repeated
  ReduceMean: simple((g, { inputs: [x], y }, ct) => {
    const share = countOf(y) / countOf(x!)
    return [g.expand(g.mul(ct, g.scalar(share)), x!.shape), null]
  }),

  // y = softmax(x) on the last axis        x̄ = y ⊙ (ȳ − Σ ȳ ⊙ y)
  // Written with the output y, so the backward graph does not compute exp again.
  Softmax: simple((g, { y }, ct) => [g.mul(y, g.sub(ct, g.reduceSum(g.mul(ct, y), -1)))]),

  // y = x − ln Σ eˣ on the last axis       x̄ = ȳ − eʸ Σ ȳ
  LogSoftmax: simple((g, { y }, ct) => [g.sub(ct, g.mul(g.exp(y), g.reduceSum(ct, -1)))]),

  // h = (x − μ) r,  y = h w + b,  r = 1/√(σ² + ε), all on the last axis
  // h̄ = ȳ w,   x̄ = r (h̄ − mean(h̄) − h mean(h̄ h)),   w̄ = Σ ȳ h,   b̄ = Σ ȳ
  LayerNormalization: (g, { inputs: [x, weight], outputs: [, mean, rate] }, [ct], needs) => {
    const h = g.mul(g.sub(x!, mean!), rate!)
    const weightCt = needs[1] ? g.mul(ct!, h) : null
    if (!needs[0]) return [null, weightCt, ct!]
    const scaled = g.mul(ct!, weight!)
    const along = g.reduceMean(g.mul(scaled, h), -1)
    const centred = g.sub(g.sub(scaled, g.reduceMean(scaled, -1)), g.mul(h, along))
    return [g.mul(rate!, centred), weightCt, ct!]
  },
}

/** Both sides of z = α op(x) op(y), for the operators that can turn either operand. */
const productRule =
  (
    attributes: GraphNode['attributes'],
    product: (a: Value, b: Value, options: { transA: boolean; transB: boolean; alpha: number }) => Value,
  ) =>
  (x: Value, y: Value, ct: Value, needs: readonly boolean[]): (Value | null)[] => {
    const turnX = intOf(attributes, 'transA') === 1
    const turnY = intOf(attributes, 'transB') === 1
    const alpha = floatOf(attributes, 'alpha')
    const forX = () =>
      turnX
        ? product(y, ct, { transA: turnY, transB: true, alpha }) // (z̄ op(y)ᵀ)ᵀ = op(y) z̄ᵀ
        : product(ct, y, { transA: false, transB: !turnY, alpha })
    const forY = () =>
      turnY
        ? product(ct, x, { transA: true, transB: turnX, alpha }) // (op(x)ᵀ z̄)ᵀ = z̄ᵀ op(x)
        : product(x, ct, { transA: !turnX, transB: false, alpha })
    return [needs[0] ? forX() : null, needs[1] ? forY() : null]
  }
