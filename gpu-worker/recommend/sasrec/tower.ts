/** @file The user tower as an ONNX file: vectors of a history's items in, the user's vector in the same space out. */
import type { Value } from '../../graph/builder.ts'
import { createGraph, type Graph } from '../../graph/ops.ts'
import { createLayers, type Precision } from '../../model/layers.ts'
import type { CheckpointTensor } from '../../model/safetensors.ts'
import {
  emitFirstPositions,
  emitRecencyBias,
  emitSasrec,
  MASKED_SCORE,
  type SasrecConfig,
} from '../../model/sasrec.ts'

export type Tensors = ReadonlyMap<string, CheckpointTensor>

/**
 * Input `items` f32[batch, length, hidden]: unit vectors, oldest first, of 1 … `positions` items, as many in each history of a
 * batch. Output `user` f32[batch, hidden]: unit vectors. It has no table of items: weights are those of the transformer alone.
 */
export function buildTower(
  config: SasrecConfig,
  tensors: Tensors,
  precision: Precision = 'fp32',
): Uint8Array<ArrayBuffer> {
  const g = createGraph('user_tower')
  const items = g.input('items', 'f32', ['batch', 'length', config.hidden])
  g.output(emitTower(g, config, tensors, items, precision), 'user')
  return g.toModel()
}

/** f32[batch, hidden] of f32[batch, length, hidden] */
export function emitTower(
  g: Graph,
  config: SasrecConfig,
  tensors: Tensors,
  items: Value,
  precision: Precision = 'fp32',
): Value {
  const layers = createLayers(g, { tensors: new Map(tensors), heads: new Map() }, { precision })
  const { positions } = config
  const future = Float32Array.from({ length: positions * positions }, (_, at) =>
    at % positions > Math.floor(at / positions) ? MASKED_SCORE : 0,
  )
  const mask = g.tensor([1, positions, positions], future)
  // [positions, positions] of all places → [length, length] of those that are there.
  const length = items.shape[1]!
  const cut = (x: Value): Value => {
    const size = g.emit(
      'Shape',
      [items],
      { shape: [1], dtype: 'i64' },
      {
        attributes: { start: { int: 1 }, end: { int: 2 } },
      },
    )
    const ends = g.emit(
      'Concat',
      [size, size],
      { shape: [2], dtype: 'i64' },
      { attributes: { axis: { int: 0 } } },
    )
    const shape = [x.shape[0]!, length, length]
    return g.emit('Slice', [x, g.ints([0, 0]), ends, g.ints([1, 2])], { shape, dtype: x.dtype })
  }
  const users = emitSasrec(
    g,
    config,
    layers,
    {
      items,
      positions: emitFirstPositions(g, layers, items),
      scores: (layer) => cut(g.add(mask, emitRecencyBias(g, config, layers, layer, positions))),
    },
    true,
  )
  return g.l2Normalise(users)
}
