/**
 * @file Rewrites a finished graph for WebGPU, which lacks kernels for a few operators: each would send its operands to the
 * host and back. Done last, so that gradients are still taken of the operator as a whole.
 */
import type { GraphNode, Value } from './builder.ts'
import type { Graph } from './ops.ts'

type Lowering = (g: Graph, inputs: readonly Value[], attributes: GraphNode['attributes']) => Value

const isSet = (attributes: GraphNode['attributes'], name: string): boolean => {
  const attribute = attributes[name]
  return attribute !== undefined && 'int' in attribute && attribute.int === 1
}

const lowerings: Readonly<Record<string, Lowering>> = {
  FusedMatMul(g, [a, b], attributes) {
    const turned = (x: Value, name: string) => (isSet(attributes, name) ? g.transposeLast2(x) : x)
    const product = g.matMul(turned(a!, 'transA'), turned(b!, 'transB'))
    const { alpha } = attributes
    return alpha && 'float' in alpha && alpha.float !== 1 ? g.mul(product, g.scalar(alpha.float)) : product
  },

  // x − m − ln Σ e^(x − m),  m the largest of its row
  LogSoftmax(g, [x]) {
    const shifted = g.sub(x!, g.reduceMax(x!, -1))
    return g.sub(shifted, g.log(g.reduceSum(g.exp(shifted), -1)))
  },
}

/** In place. Values keep their identity and their names. */
export function lowerForWebGpu(g: Graph): void {
  const nodes = g.nodes.splice(0)
  for (const node of nodes) {
    const lowering = lowerings[node.op]
    if (!lowering) {
      g.nodes.push(node)
      continue
    }
    lowering(g, node.inputs as readonly Value[], node.attributes)
    const last = g.nodes.pop()!
    g.nodes.push({ ...last, outputs: node.outputs })
  }
}
