/** @file Reads which operators an ONNX file has, and how deep in loops they stand. Enough of protobuf for that, and no more. */

export type NodeCount = { op: string /** 0 in the main graph, 1 in the body of a loop, … */; depth: number }

/** Field numbers of onnx.proto: see `gpu-worker/graph/proto.ts`. */
const MODEL_GRAPH = 7
const GRAPH_NODE = 1
const NODE_OP = 4
const NODE_ATTRIBUTE = 5
const ATTRIBUTE_GRAPH = 6

export function nodesOf(model: Uint8Array): NodeCount[] {
  return fieldsOf(model, MODEL_GRAPH).flatMap((graph) => nodesOfGraph(graph, 0))
}

function nodesOfGraph(graph: Uint8Array, depth: number): NodeCount[] {
  return fieldsOf(graph, GRAPH_NODE).flatMap((node) => [
    ...fieldsOf(node, NODE_OP).map((op) => ({ op: new TextDecoder().decode(op), depth })),
    ...fieldsOf(node, NODE_ATTRIBUTE)
      .flatMap((attribute) => fieldsOf(attribute, ATTRIBUTE_GRAPH))
      .flatMap((body) => nodesOfGraph(body, depth + 1)),
  ])
}

/** The bytes of every length-delimited field with this number. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++]!
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    const wire = tag & 7
    if (wire === 0) varint()
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else {
      const length = varint()
      if (tag >> 3 === wanted) found.push(message.subarray(at, at + length))
      at += length
    }
  }
  return found
}
