/**
 * @file The graph under construction: values, nodes, weights. It checks names and keeps the nodes as data, so that a later
 * pass can walk them; what each operator does to shapes is in `ops.ts`, the bytes are in `proto.ts`.
 */
import { assert } from '../../shared/lib/result.ts'
import {
  type Attributes,
  type DType,
  encodeModel,
  type GraphMessage,
  type PortMessage,
  type TensorMessage,
} from './proto.ts'
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
  /** Values of this graph that a graph among the attributes reads. */
  captures: readonly Value[]
}
export type NodeOptions = {
  attributes?: Attributes
  domain?: string
  requiredOutputs?: number
  captures?: readonly Value[]
}
/** Names in use. A graph within a graph shares its scope: ONNX wants each name once in a graph and all that lies in it. */
export type Scope = { names: Set<string>; nextId: number }
export type GraphBuilder = ReturnType<typeof createBuilder>

const BYTES_PER_ELEMENT: Record<DType, number> = {
  f32: 4,
  f16: 2,
  u8: 1,
  i8: 1,
  i32: 4,
  i64: 8,
  bool: 1,
}

export function createBuilder(name: string, scope: Scope = { names: new Set(), nextId: 0 }) {
  const nodes: GraphNode[] = []
  const initializers = new Map<string, TensorMessage>()
  const constants = new Map<string, Value>()
  const intsByValue = new Map<Value, readonly number[]>()
  const inputs: Value[] = []
  const outputs: Value[] = []

  const claim = (valueName: string): string => {
    assert(valueName !== '' && !scope.names.has(valueName), `"${valueName}" names one value of the graph`)
    scope.names.add(valueName)
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
    const value = make(`constant_${scope.nextId++}`)
    constants.set(key, value)
    return value
  }
  /** A constant f32 tensor that has no name of its own. Kept, not copied. */
  const tensor = (shape: Shape, data: Float32Array): Value =>
    initializer(`constant_${scope.nextId++}`, 'f32', shape, data)
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
  /** i64[] */
  const int = (number: number): Value =>
    constant(`i64[] ${number}`, (key) => initializer(key, 'i64', [], BigInt64Array.of(BigInt(number))))
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
    { attributes = {}, domain = '', requiredOutputs = results.length, captures = [] }: NodeOptions = {},
  ): Value[] => {
    const values = results.map(({ shape, dtype }) => ({
      name: claim(`${op}_${scope.nextId++}`),
      shape,
      dtype,
    }))
    nodes.push({ op, domain, inputs: nodeInputs, outputs: values, attributes, requiredOutputs, captures })
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
      for (const value of [...node.inputs, ...node.captures]) if (value) read.add(value)
      return true
    })
    return { live: live.reverse(), read }
  }

  /** The graph as a message: a file's one graph, or an attribute of a node. */
  const toGraph = (): GraphMessage => {
    const { live, read } = liveNodes()
    return {
      name,
      nodes: live.map((node) => ({
        ...node,
        inputs: node.inputs.map((value) => value?.name ?? ''),
        outputs: outputNames(node, read),
      })),
      initializers: [...initializers.values()],
      inputs: inputs.map(port),
      outputs: outputs.map(port),
    }
  }
  /** What this graph reads of the one around it. */
  const captured = (): Value[] => {
    const { live } = liveNodes()
    const own = new Set([...inputs, ...live.flatMap((node) => node.outputs)])
    const foreign = live
      .flatMap((node) => [...node.inputs, ...node.captures])
      .filter((value) => value !== null && !own.has(value) && !initializers.has(value.name))
    return [...new Set(foreign as Value[])]
  }
  /** The ONNX file. */
  const toModel = (): Uint8Array<ArrayBuffer> => encodeModel(toGraph())

  return {
    scope,
    nodes,
    initializers,
    input,
    initializer,
    tensor,
    scalar,
    int,
    ints,
    readInts,
    emit,
    emitMany,
    output,
    captured,
    toGraph,
    toModel,
  }
}
