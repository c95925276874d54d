/** @file The reverse walk: appends to a graph the nodes that compute the gradient of a loss. */
import { assert } from '../../shared/lib/result.ts'
import type { GraphNode, Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { formatShape, isSameShape } from '../graph/shape.ts'
import { vjpRules } from './rules.ts'

export type BackwardOptions = {
  /** Values to be taken as constants although they were computed: nothing flows through them (stop-gradient). */
  constants?: readonly Value[]
}

/**
 * ∂loss/∂v for each v of `wrt`, in order and in the shape of v; zeros where the loss does not depend on it. All shapes must
 * be known sizes. A value may be anything of the graph: an input, a weight, or something computed on the way.
 *
 * @param loss a single number, f32[] or with ones only
 * Throws when an operator on the way has no rule.
 */
export function backward(
  g: Graph,
  loss: Value,
  wrt: readonly Value[],
  { constants = [] }: BackwardOptions = {},
): Value[] {
  assert(
    loss.shape.every((dim) => dim === 1),
    `a loss is one number, not ${formatShape(loss.shape)}`,
  )
  const nodes = g.nodes.slice() // the walk appends to the graph
  const active = dependants(nodes, wrt, constants)
  const cotangents = new Map<Value, Value>([[loss, g.expand(g.scalar(1), loss.shape)]])
  const accumulate = (value: Value, ct: Value): void => {
    const summed = sumToShape(g, ct, value)
    const known = cotangents.get(value)
    cotangents.set(value, known ? g.add(known, summed) : summed)
  }

  for (const node of nodes.toReversed()) {
    const cts = node.outputs.map((value) => (active.has(value) ? (cotangents.get(value) ?? null) : null))
    if (cts.every((ct) => ct === null)) continue
    const rule = vjpRules[node.op]
    assert(rule, `${node.op} has a pullback`)
    const inputs = node.inputs.filter((value) => value !== null)
    assert(inputs.length === node.inputs.length, `${node.op} has no gap among its inputs`)
    const needs = inputs.map((value) => active.has(value))
    if (!needs.includes(true)) continue // one of `wrt` that is computed from constants
    rule(g, { ...node, inputs }, cts, needs).forEach((ct, at) => {
      if (ct && needs[at]) accumulate(inputs[at]!, ct)
    })
  }
  return wrt.map((value) => cotangents.get(value) ?? g.zeros(value.shape))
}

/** What depends on one of `wrt` without passing through one of `constants`. */
function dependants(
  nodes: readonly GraphNode[],
  wrt: readonly Value[],
  constants: readonly Value[],
): ReadonlySet<Value> {
  const cut = new Set(constants)
  const active = new Set(wrt)
  for (const node of nodes)
    if (node.inputs.some((value) => value && active.has(value)))
      for (const value of node.outputs) if (!cut.has(value)) active.add(value)
  return active
}

/** Undo broadcasting: sum over the axes that the operator repeated `like` along. */
function sumToShape(g: Graph, ct: Value, like: Value): Value {
  if (isSameShape(ct.shape, like.shape)) return ct
  const added = ct.shape.length - like.shape.length
  const repeated = ct.shape.flatMap((dim, axis) =>
    axis < added || (like.shape[axis - added] === 1 && dim !== 1) ? [axis] : [],
  )
  return g.reshape(repeated.length > 0 ? g.reduceSum(ct, repeated) : ct, like.shape)
}
