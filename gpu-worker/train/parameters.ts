/** @file The parameters that are trained, side by side in one array: optimiser, clipping and state files see one vector. */
import type { CheckpointTensor } from '../model/safetensors.ts'

export type Parameter = {
  name: string
  shape: readonly number[]
  /** Place of its first number in the vector, and how many it has. */
  offset: number
  count: number
  /** Whether weight decay pulls it to zero: not biases and not norms. Source: Devlin et al. 2019, appendix A.2. */
  decays: boolean
}
export type ParameterLayout = {
  parameters: readonly Parameter[]
  byName: ReadonlyMap<string, Parameter>
  size: number
}

const isPlain = (name: string): boolean => /bias$|LayerNorm|lora_E$/.test(name)

export function layOut(shapes: Iterable<readonly [name: string, shape: readonly number[]]>): ParameterLayout {
  const parameters: Parameter[] = []
  let size = 0
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, dim) => product * dim, 1)
    parameters.push({ name, shape, offset: size, count, decays: !isPlain(name) })
    size += count
  }
  return { parameters, byName: new Map(parameters.map((one) => [one.name, one])), size }
}

/** Zeros, in memory that threads can share. */
export const sharedVector = (size: number): Float32Array<SharedArrayBuffer> =>
  new Float32Array(new SharedArrayBuffer(size * Float32Array.BYTES_PER_ELEMENT))

/** Part of a vector, not a copy. */
export const viewOf = (vector: Float32Array, { offset, count }: Parameter): Float32Array =>
  vector.subarray(offset, offset + count)

export function flatten(
  layout: ParameterLayout,
  tensors: ReadonlyMap<string, CheckpointTensor>,
): Float32Array<SharedArrayBuffer> {
  const vector = sharedVector(layout.size)
  for (const { name, offset } of layout.parameters) vector.set(tensors.get(name)!.data, offset)
  return vector
}

/** Tensors of their own, free of the vector. */
export const unflatten = (layout: ParameterLayout, vector: Float32Array): Map<string, CheckpointTensor> =>
  new Map(layout.parameters.map((one) => [one.name, { shape: one.shape, data: viewOf(vector, one).slice() }]))
