/**
 * @file Writes the part of the ONNX file format that we use. Knows nothing of shapes or of what an operator means.
 *
 * Source: onnx.proto, IR version 10. Field numbers stand beside each message below.
 */
import { assert } from '../../shared/lib/result.ts'
import { chunk, float, int, join, message, type Rope, string, toBytes } from '../protobuf.ts'
import type { Dim, Shape } from './shape.ts'

export type DType = 'f32' | 'f16' | 'u8' | 'i8' | 'i32' | 'i64' | 'bool'
/** TensorProto.DataType */
export const ELEMENT_TYPES: Record<DType, number> = { f32: 1, f16: 10, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9 }
export type Attribute =
  | { int: number }
  | { float: number }
  | { ints: readonly number[] }
  | { string: string }
  | { graph: GraphMessage }
export type Attributes = Readonly<Record<string, Attribute>>

/** Protobuf messages have a signed 32-bit length; past it, weights have to be external data. */
const MODEL_BYTES_MAX = 2 ** 31 - 1
const IR_VERSION = 10
/** Opset 20 is the first with `Gelu`. */
const OPSETS: readonly (readonly [domain: string, version: number])[] = [
  ['', 20],
  ['com.microsoft', 1],
]

/** AttributeProto: name 1, f 2, i 3, s 4, g 6, ints 8, type 20 (FLOAT 1, INT 2, STRING 3, GRAPH 5, INTS 7). */
function encodeAttribute(name: string, attribute: Attribute): Rope {
  if ('int' in attribute) return join([string(1, name), int(3, attribute.int), int(20, 2)])
  if ('float' in attribute) return join([string(1, name), float(2, attribute.float), int(20, 1)])
  if ('string' in attribute) return join([string(1, name), string(4, attribute.string), int(20, 3)])
  if ('graph' in attribute)
    return join([string(1, name), message(6, encodeGraph(attribute.graph)), int(20, 5)])
  return join([string(1, name), ...attribute.ints.map((value) => int(8, value)), int(20, 7)])
}

export type NodeMessage = {
  op: string
  /** Empty for the standard operators. */
  domain: string
  /** Names; an empty one is an optional input left out. */
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Attributes
}
/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
const encodeNode = (node: NodeMessage): Rope =>
  join([
    ...node.inputs.map((name) => string(1, name)),
    ...node.outputs.map((name) => string(2, name)),
    string(3, node.outputs[0] ?? node.op),
    string(4, node.op),
    ...Object.entries(node.attributes).map(([name, value]) => message(5, encodeAttribute(name, value))),
    ...(node.domain === '' ? [] : [string(7, node.domain)]),
  ])

export type TensorMessage = {
  name: string
  dtype: DType
  dims: readonly number[]
  /** Little-endian, row-major. Not copied before the model is assembled. */
  data: ArrayBufferView
}
/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
const encodeTensor = ({ name, dtype, dims, data }: TensorMessage): Rope =>
  join([
    ...dims.map((dim) => int(1, dim)),
    int(2, ELEMENT_TYPES[dtype]),
    string(8, name),
    message(9, chunk(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))),
  ])

export type PortMessage = { name: string; dtype: DType; shape: Shape }
/** ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1, shape 2 → dim 1 → dim_value 1 | dim_param 2. */
function encodePort({ name, dtype, shape }: PortMessage): Rope {
  const encodeDim = (dim: Dim) => message(1, typeof dim === 'number' ? int(1, dim) : string(2, dim))
  const tensor = join([int(1, ELEMENT_TYPES[dtype]), message(2, join(shape.map(encodeDim)))])
  return join([string(1, name), message(2, message(1, tensor))])
}

export type GraphMessage = {
  name: string
  nodes: readonly NodeMessage[]
  initializers: readonly TensorMessage[]
  inputs: readonly PortMessage[]
  outputs: readonly PortMessage[]
}
/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
function encodeGraph(graph: GraphMessage): Rope {
  return join([
    ...graph.nodes.map((node) => message(1, encodeNode(node))),
    string(2, graph.name),
    ...graph.initializers.map((tensor) => message(5, encodeTensor(tensor))),
    ...graph.inputs.map((port) => message(11, encodePort(port))),
    ...graph.outputs.map((port) => message(12, encodePort(port))),
  ])
}
/** The bytes of a ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8. */
export function encodeModel(graph: GraphMessage): Uint8Array<ArrayBuffer> {
  const opsets = OPSETS.map(([domain, version]) => message(8, join([string(1, domain), int(2, version)])))
  const model = join([int(1, IR_VERSION), string(2, 'aisle'), message(7, encodeGraph(graph)), ...opsets])
  assert(model.bytes <= MODEL_BYTES_MAX, `an ONNX model of ${model.bytes} bytes needs external data`)
  return toBytes(model)
}
