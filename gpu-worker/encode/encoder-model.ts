/** @file The encoder's ONNX file: token ids in, unit vectors out. */
import { lowerForWebGpu } from '../graph/lower.ts'
import { createGraph } from '../graph/ops.ts'
import { emitBert, emitMeanPooling } from '../model/bert.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import { createLayers, type LayersOptions } from '../model/layers.ts'

export type EncoderModelOptions = LayersOptions & {
  /** Which operators there are: all, or those that WebGPU has. Default all. */
  kernels?: 'all' | 'webgpu'
}

/** Inputs `ids` i64[batch, seq] and `mask` f32[batch, seq] (1 token, 0 padding); output `emb` f32[batch, hidden], unit length. */
export function buildEncoderModel(
  checkpoint: Checkpoint,
  options: EncoderModelOptions,
): Uint8Array<ArrayBuffer> {
  const g = createGraph('encoder')
  const ids = g.input('ids', 'i64', ['batch', 'seq'])
  const mask = g.input('mask', 'f32', ['batch', 'seq'])
  const layers = createLayers(g, checkpoint, options)
  const hidden = g.asType(emitBert(g, checkpoint.config, layers, { ids, mask }), 'f32')
  g.output(emitMeanPooling(g, hidden, mask), 'emb')
  if (options.kernels === 'webgpu') lowerForWebGpu(g)
  return g.toModel()
}
