/** @file What an objective sees of the model while it writes its loss: inputs, encoded texts, and the trainable layers. */
import { assert } from '../../shared/lib/result.ts'
import type { Value } from '../graph/builder.ts'
import { createGraph, type Graph } from '../graph/ops.ts'
import type { DType } from '../graph/proto.ts'
import type { Shape } from '../graph/shape.ts'
import { emitBert, emitMeanPooling } from '../model/bert.ts'
import type { BertConfig } from '../model/config.ts'
import { emitClsPooling } from '../model/heads.ts'
import { createTrainableLayers, type TrainableLayers, type TrainableOptions } from '../model/trainable.ts'

export type Pooling = 'mean' | 'cls'
export type Network = {
  g: Graph
  /** Of the encoder; a network that reads no texts has none, and asking for it is a mistake. */
  readonly config: BertConfig
  layers: TrainableLayers
  /** An input of the graph; asking again gives the same value. */
  input(name: string, dtype: DType, shape: Shape): Value
  /** Token vectors f32[batch, seq, hidden] of the texts in the inputs `<name>_ids`, `<name>_mask` and for pairs `<name>_types`. */
  tokens(name: string, batch: number, seq: number, isPair?: boolean): Value
  /** Unit vectors f32[batch, hidden] of single texts. */
  vectors(name: string, batch: number, seq: number, pooling: Pooling): Value
  /** The same network whose word vectors come from `lookUp`. */
  withLookUp(lookUp: TrainableLayers['lookUp']): Network
}

/** What an objective adds to a graph: a single number, and what else is worth reading after a step. */
export type Loss = {
  loss: Value
  outputs?: Readonly<Record<string, Value>>
  /** Values that were computed and are to be taken as constants: nothing flows back through them. */
  constants?: readonly Value[]
}
export type EmitLoss = (net: Network) => Loss

/** A graph of its own, whose inputs are the parameters and the batch. */
export function createNetwork(config: BertConfig | null, options: TrainableOptions): Network {
  const g = createGraph('training_step')
  return networkOn(g, config, createTrainableLayers(g, options), (name, dtype, shape) =>
    g.input(name, dtype, shape),
  )
}

/**
 * @param config    of the encoder; null for a network that reads no texts
 * @param makeInput the value of an input of the batch; asked once for each name
 */
export function networkOn(
  g: Graph,
  config: BertConfig | null,
  layers: TrainableLayers,
  makeInput: Network['input'],
): Network {
  const inputs = new Map<string, Value>()
  const input = (name: string, dtype: DType, shape: Shape): Value => {
    const value = inputs.get(name) ?? makeInput(name, dtype, shape)
    inputs.set(name, value)
    return value
  }
  const encoder = (): BertConfig => {
    assert(config, 'the network has an encoder')
    return config
  }
  const networkOf = (own: TrainableLayers): Network => {
    const tokens: Network['tokens'] = (name, batch, seq, isPair = false) =>
      emitBert(g, encoder(), own, {
        ids: input(`${name}_ids`, 'i64', [batch, seq]),
        mask: input(`${name}_mask`, 'f32', [batch, seq]),
        ...(isPair ? { types: input(`${name}_types`, 'i64', [batch, seq]) } : {}),
      })
    return {
      g,
      get config() {
        return encoder()
      },
      layers: own,
      input,
      tokens,
      vectors(name, batch, seq, pooling) {
        const hidden = tokens(name, batch, seq)
        return pooling === 'cls'
          ? g.l2Normalise(emitClsPooling(g, hidden))
          : emitMeanPooling(g, hidden, input(`${name}_mask`, 'f32', [batch, seq]))
      },
      withLookUp: (lookUp) => networkOf({ ...own, lookUp }),
    }
  }
  return networkOf(layers)
}
