/**
 * @file The graph under construction: values, nodes, weights. It checks names and keeps the nodes as data, so that a later
 * pass can walk them; what each operator does to shapes is in `ops.ts`, the bytes are in `proto.ts`.
 */
import { assert } from '../../shared/lib/result.ts'
import { type Attributes, type DType, encodeModel, type PortMessage, type TensorMessage } from './proto.ts'
import { elementCount, formatShape, type Shape } from './shape.ts'

/** One edge of the graph. Compared by identity; the name may still change (see `output`). */
export type Value = { name: string; readonly shape: Shape; readonly dtype: DType }
export type GraphNode = {
  op: string
  domain: string
  /** `null` is an optional input left out. */
  inputs: readonly (Value | null)[]
  outputs: readonly Value[]
  attributes: Attributes
  /** Outputs from here on are left out of the file when nothing reads them. */
  requiredOutputs: number
}
export type NodeOptions = { attributes?: Attributes; domain?: string; requiredOutputs?: number }
export type GraphBuilder = ReturnType<typeof createBuilder>

const BYTES_PER_ELEMENT: Record<DType, number> = { f32: 4, u8: 1, i8: 1, i32: 4, i64: 8, bool: 1 }

export function createBuilder(name: string) {
  const nodes: GraphNode[] = []
  const initializers = new Map<string, TensorMessage>()
  const constants = new Map<string, Value>()
  const intsByValue = new Map<Value, readonly number[]>()
  const inputs: Value[] = []
  const outputs: Value[] = []
  const names = new Set<string>()
  let nextId = 0

  const claim = (valueName: string): string => {
    assert(valueName !== '' && !names.has(valueName), `"${valueName}" names one value of the graph`)
    names.add(valueName)
    return valueName
  }

  const input = (inputName: string, dtype: DType, shape: Shape): Value => {
    const value = { name: claim(inputName), dtype, shape }
    inputs.push(value)
    return value
  }

  /** A weight. `data` is kept, not copied: leave it unchanged until `toModel`. */
  const initializer = (weightName: string, dtype: DType, shape: Shape, data: ArrayBufferView): Value => {
    const bytes = elementCount(shape) * BYTES_PER_ELEMENT[dtype]
    assert(
      data.byteLength === bytes,
      `${weightName} ${dtype}${formatShape(shape)} has ${bytes} bytes, got ${data.byteLength}`,
    )
    const dims = shape as readonly number[] // elementCount has seen to it
    initializers.set(claim(weightName), { name: weightName, dtype, dims, data })
    return { name: weightName, dtype, shape }
  }

  /** Small constants are shared: axes and scales recur in every layer. */
  const constant = (key: string, make: (constantName: string) => Value): Value => {
    const known = constants.get(key)
    if (known) return known
    const value = make(`constant_${nextId++}`)
    constants.set(key, value)
    return value
  }
  const scalar = (number: number): Value =>
    constant(`f32 ${number}`, (key) => initializer(key, 'f32', [], Float32Array.of(number)))
  /** i64[n], the form in which operators take axes, bounds and shapes. */
  const ints = (numbers: readonly number[]): Value => {
    const value = constant(`i64 ${numbers}`, (key) =>
      initializer(key, 'i64', [numbers.length], BigInt64Array.from(numbers, BigInt)),
    )
    intsByValue.set(value, numbers)
    return value
  }
  /** The numbers behind a value made by `ints`: a rule of differentiation has to know where a slice began. */
  const readInts = (value: Value): readonly number[] => {
    const numbers = intsByValue.get(value)
    assert(numbers, `${value.name} was made by ints`)
    return numbers
  }

  /** Append a node with several outputs. */
  const emitMany = (
    op: string,
    nodeInputs: readonly (Value | null)[],
    results: readonly { shape: Shape; dtype: DType }[],
    { attributes = {}, domain = '', requiredOutputs = results.length }: NodeOptions = {},
  ): Value[] => {
    const values = results.map(({ shape, dtype }) => ({ name: claim(`${op}_${nextId++}`), shape, dtype }))
    nodes.push({ op, domain, inputs: nodeInputs, outputs: values, attributes, requiredOutputs })
    return values
  }
  /** Append a node with one output. */
  const emit = (
    op: string,
    nodeInputs: readonly (Value | null)[],
    result: { shape: Shape; dtype: DType },
    options: NodeOptions = {},
  ): Value => emitMany(op, nodeInputs, [result], options)[0]!

  /**
   * Make a computed value an output of the graph. The value itself is renamed: an `Identity` node would copy it at every
   * run, which is dear for large outputs.
   */
  const output = (value: Value, outputName: string): void => {
    assert(
      nodes.some((node) => node.outputs.includes(value)),
      `output ${outputName} is computed by a node`,
    )
    assert(!outputs.includes(value), `${value.name} has one output name`)
    value.name = claim(outputName)
    outputs.push(value)
  }

  const outputNames = (node: GraphNode, read: ReadonlySet<Value>): string[] => {
    const isNeeded = (value: Value, at: number) => at < node.requiredOutputs || read.has(value)
    return node.outputs.slice(0, node.outputs.findLastIndex(isNeeded) + 1).map((value) => value.name)
  }
  const port = ({ name: portName, dtype, shape }: Value): PortMessage => ({ name: portName, dtype, shape })
  /** The nodes on which an output depends, in order: the runtime would compute the others as well. */
  const liveNodes = () => {
    const read = new Set(outputs)
    const live = nodes.toReversed().filter((node) => {
      if (!node.outputs.some((value) => read.has(value))) return false
      for (const value of node.inputs) if (value) read.add(value)
      return true
    })
    return { live: live.reverse(), read }
  }

  /** The ONNX file. */
  const toModel = (): Uint8Array<ArrayBuffer> => {
    const { live, read } = liveNodes()
    return encodeModel({
      name,
      nodes: live.map((node) => ({
        ...node,
        inputs: node.inputs.map((value) => value?.name ?? ''),
        outputs: outputNames(node, read),
      })),
      initializers: [...initializers.values()],
      inputs: inputs.map(port),
      outputs: outputs.map(port),
    })
  }

  return { nodes, initializers, input, initializer, scalar, ints, readInts, emit, emitMany, output, toModel }
}
