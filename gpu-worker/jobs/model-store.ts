/** @file Models in the bucket: makes the first one, loads the one that a manifest names, and keeps its encoder running. */
import { createHash } from 'node:crypto'
import type { Result } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { type Blob, type ModelRef, modelPrefix } from '../../shared/schema/manifest.ts'
import { cardKey, type ModelCard } from '../../shared/schema/models.ts'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import type { BlobStore } from '../blob-store.ts'
import type { Encoder } from '../encode/encoder.ts'
import { buildQueryEncoder } from '../encode/query-encoder.ts'
import { createThreadedEncoder } from '../encode/threaded-encoder.ts'
import {
  type Checkpoint,
  type CheckpointError,
  type CheckpointFile,
  checkpointFiles,
  checkpointFromFiles,
  modelId,
  readCheckpoint,
} from '../model/checkpoint.ts'
import type { Precision } from '../model/layers.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import type { Provider } from '../runtime/session.ts'
import type { LoadedModel, ModelStore } from './model.ts'

/** Tokens per item text: titles have 10 to 30, the rest is the start of the description. */
const ITEM_TOKENS_MAX = 64
const VOCABULARY_SIZE = 8_000
const SEED = 20_261
/** In every vocabulary, so that a shop that starts with three items can still spell what comes later. */
const ALPHABET = [...'abcdefghijklmnopqrstuvwxyz0123456789'].join(' ')
const QUERY_ENCODER_FILE = 'query-encoder.onnx'
const VOCABULARY_FILE = 'vocab.txt'

type Options = {
  blobs: BlobStore
  /** Checkpoint folder for the first model; undefined makes a seeded, untrained one. */
  modelDir: string | undefined
  precision: Precision
  threads: number
  provider?: Provider
  onLoaded?(modelId: string): void
  /** Size of the seeded model; the default of 4 × 256 is what `createSeededCheckpoint` says. */
  seededSize?: { layers: number; hidden: number; heads: number }
}

export function createModelStore(options: Options): ModelStore {
  const { blobs, modelDir, precision, threads, provider = 'cpu', onLoaded = () => {} } = options
  let open: { ref: ModelRef; encoder: Encoder } | null = null

  const openEncoder = (checkpoint: Checkpoint, ref: ModelRef): Promise<Encoder> =>
    createThreadedEncoder({ checkpoint, precision, maxTokens: ref.maxTokens, threads, provider })

  const use = async (ref: ModelRef, checkpoint: () => Promise<Checkpoint>): Promise<LoadedModel> => {
    if (open?.ref.id !== ref.id) {
      await open?.encoder.close()
      open = null
      const encoder = await openEncoder(await checkpoint(), ref)
      open = { ref, encoder }
      onLoaded(ref.id)
    }
    const { encoder } = open
    return {
      ref,
      async encode(texts) {
        try {
          return await encoder.encode(texts)
        } catch (error) {
          // The thread may be gone (out of memory): the next job starts a new one.
          if (open?.encoder === encoder) open = null
          throw error
        }
      },
    }
  }

  const upload = async (checkpoint: Checkpoint): Promise<ModelRef> => {
    const id = modelId(checkpoint)
    const prefix = modelPrefix(id)
    const files = [
      ...checkpointFiles(checkpoint),
      { name: QUERY_ENCODER_FILE, bytes: buildQueryEncoder(checkpoint) },
    ]
    const written = new Map<string, Blob>()
    for (const { name, bytes } of files) {
      const key = prefix + name
      await blobs.put(key, bytes)
      written.set(name, { key, bytes: bytes.length, sha256: await sha256Hex(bytes) })
    }
    return {
      id,
      trained: checkpoint.trained,
      dim: checkpoint.config.hidden_size,
      layers: checkpoint.config.num_hidden_layers,
      maxTokens: Math.min(ITEM_TOKENS_MAX, checkpoint.config.max_position_embeddings),
      queryEncoder: written.get(QUERY_ENCODER_FILE)!,
      vocabulary: written.get(VOCABULARY_FILE)!,
      lowercase: checkpoint.lowercase,
      ...(checkpoint.fusion ? { fusion: checkpoint.fusion } : {}),
    }
  }

  return {
    load: (ref) => use(ref, async () => readFromBucket(blobs, ref)),
    checkpoint: (ref) => readFromBucket(blobs, ref),
    upload,
    async openBeside(ref) {
      const encoder = await openEncoder(await readFromBucket(blobs, ref), ref)
      return { ref, encode: (texts) => encoder.encode(texts), close: () => encoder.close() }
    },
    async bootstrap(texts) {
      const checkpoint = modelDir
        ? orThrow(`The checkpoint in ${modelDir} cannot be used`, await readCheckpoint(modelDir))
        : createSeededCheckpoint({
            vocabulary: trainWordPiece([ALPHABET, ...texts], { size: VOCABULARY_SIZE, lowercase: true }),
            seed: SEED,
            ...options.seededSize,
          })
      const ref = await upload(checkpoint)
      await blobs.put(cardKey(ref.id), new TextEncoder().encode(JSON.stringify(firstCard(checkpoint, ref))), {
        ifNoneMatch: '*',
      })
      return use(ref, async () => checkpoint)
    },
    async close() {
      await open?.encoder.close()
      open = null
    },
  }
}

/** The registry row of the model that a shop starts with. */
function firstCard(checkpoint: Checkpoint, ref: ModelRef): ModelCard {
  const weights = checkpointFiles(checkpoint).find(({ name }) => name === 'model.safetensors')!
  return {
    id: ref.id,
    createdAt: new Date().toISOString(),
    runId: null,
    parent: null,
    recipe: null,
    fingerprint: '',
    checksum: createHash('sha256').update(weights.bytes).digest('hex'),
    metrics: {},
    comparison: null,
    accepted: true,
    ref,
  }
}

/** The checkpoint as it was uploaded; its id is its content, so that equal ids prove that nothing was damaged. */
async function readFromBucket(blobs: BlobStore, ref: ModelRef): Promise<Checkpoint> {
  const names = ['config.json', VOCABULARY_FILE, 'tokenizer_config.json', 'model.safetensors']
  const files = await Promise.all(
    names.map(async (name): Promise<CheckpointFile[]> => {
      const object = await blobs.get(modelPrefix(ref.id) + name)
      return object ? [{ name, bytes: object.bytes }] : []
    }),
  )
  const read = checkpointFromFiles(files.flat())
  const checkpoint = orThrow(`Model ${ref.id} cannot be read from the bucket`, read)
  const id = modelId(checkpoint)
  if (id !== ref.id) throw new Error(`Model ${ref.id} in the bucket is damaged: its content is that of ${id}`)
  return checkpoint
}

function orThrow(what: string, read: Result<Checkpoint, CheckpointError>): Checkpoint {
  if (!read.ok) throw new Error(`${what}: ${read.error.message}`)
  return read.value
}
