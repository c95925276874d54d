/** @file `aisle compress`: a model folder becomes a smaller one without training; what that costs is for `aisle eval` to say. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildQueryEncoderOfAnySize, QUERY_ENCODER_BYTES_MAX } from '../../gpu-worker/encode/query-encoder.ts'
import { type Checkpoint, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { firstLayers, pruneLayers, pruneVocabulary } from '../../gpu-worker/model/prune.ts'
import { FLOAT16_MAX, type TensorStorage } from '../../gpu-worker/model/safetensors.ts'
import { Failure } from './failure.ts'
import { renderTable } from './table.ts'
import { readBase } from './train.ts'
import { readQueryTexts } from './training-files.ts'

export type CompressOptions = {
  model: string
  out: string
  layers?: number
  vocabulary?: number
  texts?: string
  storage: TensorStorage
}
export type ModelSize = {
  layers: number
  tokens: number
  parameters: number
  /** `model.safetensors`, as it lies on the disk. */
  weightsBytes: number
  /** The ONNX file that the edge would load. */
  queryEncoderBytes: number
}
export type Compression = { out: string; before: ModelSize; after: ModelSize }

export async function compress(options: CompressOptions): Promise<Compression> {
  const { model, out, layers, vocabulary, texts, storage } = options
  if ((vocabulary === undefined) !== (texts === undefined))
    throw new Failure('--vocabulary and --texts belong together: give both or neither.')
  if (layers === undefined && vocabulary === undefined && storage === 'f32')
    throw new Failure('Nothing to do: give --layers, --vocabulary or --storage f16.')
  if (resolve(model) === resolve(out))
    throw new Failure('--out is the folder of the model itself; give another one.')

  const original = await readBase(model)
  let smaller = original
  if (layers !== undefined) smaller = cutLayers(smaller, layers)
  if (vocabulary !== undefined) smaller = cutVocabulary(smaller, vocabulary, texts!)
  if (storage === 'f16') refuseBeyondFloat16(smaller)
  await writeCheckpoint(out, smaller, { storage })
  return { out, before: sizeOf(original, model), after: sizeOf(smaller, out) }
}

function cutLayers(checkpoint: Checkpoint, count: number): Checkpoint {
  const { num_hidden_layers: layers } = checkpoint.config
  if (count > layers) throw new Failure(`The model has ${layers} layers; ${count} cannot be kept.`)
  return pruneLayers(checkpoint, firstLayers(count))
}

function cutVocabulary(checkpoint: Checkpoint, count: number, file: string): Checkpoint {
  const texts = readQueryTexts(file)
  if (texts.length === 0) throw new Failure(`"${file}" has no text.`)
  const tokens = checkpoint.vocabulary.length
  if (count > tokens) throw new Failure(`The model has ${tokens} tokens; ${count} cannot be kept.`)
  const pruned = pruneVocabulary(checkpoint, texts, { keep: count })
  const kept = pruned.vocabulary.length
  if (kept > count)
    throw new Failure(
      `Special tokens and single characters alone are ${kept} tokens; give --vocabulary ${kept} or more.`,
    )
  return pruned
}

function refuseBeyondFloat16({ tensors, heads }: Checkpoint): void {
  for (const [name, { data }] of [...tensors, ...heads])
    if (data.some((weight) => Math.abs(weight) > FLOAT16_MAX))
      throw new Failure(
        `${name} has a weight beyond ${FLOAT16_MAX}, which f16 cannot hold; use --storage f32.`,
      )
}

function sizeOf(checkpoint: Checkpoint, directory: string): ModelSize {
  const { tensors, heads, vocabulary, config } = checkpoint
  return {
    layers: config.num_hidden_layers,
    tokens: vocabulary.length,
    parameters: [...tensors.values(), ...heads.values()].reduce((sum, { data }) => sum + data.length, 0),
    weightsBytes: statSync(join(directory, 'model.safetensors')).size,
    queryEncoderBytes: buildQueryEncoderOfAnySize(checkpoint).byteLength,
  }
}

export function renderCompression({ out, before, after }: Compression): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`
  const count = (value: number) => value.toLocaleString('en')
  const row = (name: string, key: keyof ModelSize, render: (value: number) => string) => [
    name,
    render(before[key]),
    render(after[key]),
    `${Math.round((100 * after[key]) / before[key])} %`,
  ]
  const table = renderTable(
    ['', 'before', 'after', ''],
    [
      row('layers', 'layers', count),
      row('tokens', 'tokens', count),
      row('parameters', 'parameters', count),
      row('model.safetensors', 'weightsBytes', megabytes),
      row('query encoder of the edge', 'queryEncoderBytes', megabytes),
    ],
  )
  const fits = after.queryEncoderBytes <= QUERY_ENCODER_BYTES_MAX
  const limit = `The edge takes ${megabytes(QUERY_ENCODER_BYTES_MAX)} at most: this model is too large for it.`
  return [table, '', ...(fits ? [] : [limit]), `The model is in ${out}.`].join('\n')
}
