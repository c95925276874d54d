/**
 * @file The ways in which a checkpoint becomes `Layers`: fp32 as it is, fp16 throughout, or int8 with activations quantised
 * on the fly.
 */
import { assert } from '../../shared/lib/result.ts'
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { emitAdapter, type Layers } from './bert.ts'
import type { Checkpoint, CheckpointTensor } from './checkpoint.ts'
import { adapterNames } from './tuning.ts'

export type Precision = 'fp32' | 'fp16' | 'int8'
export type LayersOptions = {
  precision: Precision
  /** Of `multiHeadAttention` or of the operators that it stands for. Default plain. */
  attention?: 'plain' | 'fused'
  /** Keep the rows of look-up tables in int8 too: a quarter of the bytes for a few more operations per token. */
  quantiseTables?: boolean
  /** Rows of the position table to keep: the graph takes texts of at most so many tokens. */
  positions?: number
}

export function createLayers(
  g: Graph,
  checkpoint: Pick<Checkpoint, 'tensors' | 'heads'>,
  options: LayersOptions,
): Layers {
  const emitted = new Map<string, Value>()
  /** Emit a weight once, however many modules use it. */
  const once = (name: string, make: () => Value): Value => {
    const value = emitted.get(name) ?? make()
    emitted.set(name, value)
    return value
  }
  const tensorOf = (name: string): CheckpointTensor => {
    const tensor = checkpoint.tensors.get(name) ?? checkpoint.heads.get(name)
    assert(tensor, `the checkpoint has ${name}`)
    return tensor
  }
  const weightOf = (name: string, shape: readonly number[], data: Float32Array): Value =>
    options.precision === 'fp16'
      ? g.initializer(name, 'f16', shape, Float16Array.from(data))
      : g.initializer(name, 'f32', shape, data)
  const parameter = (name: string): Value =>
    once(name, () => {
      const { shape, data } = tensorOf(name)
      const rows = name.includes('position_embeddings')
        ? Math.min(options.positions ?? shape[0]!, shape[0]!)
        : shape[0]!
      const kept = [rows, ...shape.slice(1)]
      return weightOf(name, kept, data.subarray(0, (data.length / shape[0]!) * rows))
    })

  const floatLinear = (x: Value, module: string): Value => {
    const weight = once(`${module}.weight`, () => {
      const { shape, data } = tensorOf(`${module}.weight`)
      const [out, input] = shape as [number, number]
      return weightOf(`${module}.weight`, [input, out], transpose(data, out, input))
    })
    return g.add(g.matMul(x, weight), parameter(`${module}.bias`))
  }

  /** Modules on one x become one multiplication: x is quantised once, and the kernel gets a wider matrix. */
  const int8Linear = (x: Value, modules: readonly string[]): Value[] => {
    const weights = modules.map((module) => tensorOf(`${module}.weight`))
    const input = weights[0]!.shape[1]!
    const out = weights.reduce((sum, { shape }) => sum + shape[0]!, 0)
    const { values, scales } = quantiseRows(concatenate(weights.map(({ data }) => data)), out, input)
    const biases = concatenate(modules.map((module) => tensorOf(`${module}.bias`).data))
    const name = modules.join('+')
    const result = g.dynamicQuantizeMatMul(
      x,
      g.initializer(`${name}.weight.int8`, 'i8', [input, out], transpose(values, out, input)),
      g.initializer(`${name}.weight.scale`, 'f32', [out], scales),
      g.initializer(`${name}.bias`, 'f32', [out], biases),
    )
    return modules.length === 1 ? [result] : g.splitLast(result, modules.length)
  }

  const int8LookUp = (name: string, ids: Value): Value => {
    const { shape, data } = tensorOf(name)
    const [rows, columns] = shape as [number, number]
    const { values, scales } = quantiseRows(data, rows, columns)
    const table = once(`${name}.int8`, () => g.initializer(`${name}.int8`, 'i8', [rows, columns], values))
    const scale = once(`${name}.scale`, () => g.initializer(`${name}.scale`, 'f32', [rows, 1], scales))
    return g.mul(g.toFloat(g.gatherRows(table, ids)), g.gatherRows(scale, ids))
  }

  const linear: Layers['linear'] =
    options.precision === 'int8'
      ? int8Linear
      : (x, modules) => modules.map((module) => floatLinear(x, module))

  return {
    parameter,
    ...(options.attention === 'fused' ? { attention: fusedAttention(g) } : {}),
    lookUp: options.quantiseTables ? int8LookUp : (name, ids) => g.gatherRows(parameter(name), ids),
    linear,
    adapt: (x, module) =>
      checkpoint.heads.has(`${adapterNames(module).down}.weight`)
        ? emitAdapter(g, x, module, (inner, name) => linear(inner, [name])[0]!)
        : x,
  }
}

/** All layers see the same mask, so the lengths are counted once. */
function fusedAttention(g: Graph): NonNullable<Layers['attention']> {
  const lengths = new Map<Value, Value>()
  return ({ query, key, value, mask, heads }) => {
    const known =
      lengths.get(mask) ?? g.asType(g.reshape(g.reduceSum(mask, 1), mask.shape.slice(0, 1)), 'i32')
    lengths.set(mask, known)
    return g.multiHeadAttention(query, key, value, known, heads)
  }
}

/**
 * Symmetric int8, one scale per row: value ≈ int8 · scale, |int8| ≤ 127. A row of a PyTorch weight is one output, so these
 * are the per-column scales of the transposed weight.
 *
 * @param data f32[rows, columns]
 */
export function quantiseRows(data: Float32Array, rows: number, columns: number) {
  const values = new Int8Array(rows * columns)
  const scales = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const at = row * columns
    let largest = 0
    for (let i = at; i < at + columns; i++) largest = Math.max(largest, Math.abs(data[i]!))
    const scale = largest === 0 ? 1 : largest / 127
    scales[row] = scale
    for (let i = at; i < at + columns; i++) values[i] = Math.round(data[i]! / scale)
  }
  return { values, scales }
}

/** [rows, columns] → [columns, rows], of the same kind of array. */
function transpose<A extends Float32Array | Int8Array>(data: A, rows: number, columns: number): A {
  const result = data.slice() as A
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column]!
  return result
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    result.set(part, offset)
    offset += part.length
  }
  return result
}
