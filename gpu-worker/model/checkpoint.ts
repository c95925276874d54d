/**
 * @file A BERT checkpoint in Hugging Face's layout: `config.json`, `vocab.txt` (or `tokenizer.json`), optionally
 * `tokenizer_config.json`, `model.safetensors`. Read from a directory or from blobs by name, checked whole before use.
 * Kept are the encoder's tensors and the heads that we know (`heads.ts`); a pooler is left out.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { LearntFusion } from '../../shared/schema/manifest.ts'
import { replaceFiles } from '../replace-files.ts'
import { BertConfig, type ParameterSpec, parameterSpecs } from './config.ts'
import {
  type CheckpointTensor,
  decodeSafetensors,
  encodeSafetensors,
  type TensorStorage,
} from './safetensors.ts'
import { tuningSpecs } from './tuning.ts'

export type { CheckpointTensor } from './safetensors.ts'
export type Checkpoint = {
  config: BertConfig
  /** False for a seeded model that has learnt nothing yet; kept in `config.json`. */
  trained: boolean
  /** Goes with the vectors: how much they may say beside the words. Absent where no judgments were learnt from. */
  fusion?: LearntFusion
  /** Token of each id. May be shorter than `vocab_size`, which some trainers round up. */
  vocabulary: string[]
  lowercase: boolean
  /** By the names of `parameterSpecs`, in that order. */
  tensors: Map<string, CheckpointTensor>
  /** Of a masked-language-model or classification head and of adapters, by their full names; mostly empty. */
  heads: Map<string, CheckpointTensor>
}
export type CheckpointFile = { name: string; bytes: Uint8Array }
export type StorageOptions = {
  /** How `model.safetensors` keeps the weights, default f32. They may lose digits in f16, see `encodeSafetensors`. */
  storage?: TensorStorage
}

/** Why a checkpoint cannot be used. Nothing of it was kept; give the message to whoever supplied the files. */
export type CheckpointError =
  | { kind: 'missing-file'; file: string; message: string }
  | { kind: 'malformed'; file: string; message: string }
  | { kind: 'unsupported'; file: string; message: string }

const FILES = [
  'config.json',
  'vocab.txt',
  'tokenizer.json',
  'tokenizer_config.json',
  'model.safetensors',
] as const
type FileName = (typeof FILES)[number]
type Files = ReadonlyMap<string, Uint8Array>

/** Part of the model id: raise it when the same checkpoint would give other vectors. */
const ENCODING_VERSION = 1
const OLD_NORM_NAMES = [
  [/\.gamma$/, '.weight'],
  [/\.beta$/, '.bias'],
] as const

export async function readCheckpoint(directory: string): Promise<Result<Checkpoint, CheckpointError>> {
  const files: CheckpointFile[] = []
  for (const name of FILES) {
    try {
      files.push({ name, bytes: await readFile(join(directory, name)) })
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    }
  }
  return checkpointFromFiles(files)
}

/** Creates the directory if need be; files of the same name are replaced, all of them or none. */
export async function writeCheckpoint(
  directory: string,
  checkpoint: Checkpoint,
  options: StorageOptions = {},
): Promise<void> {
  await mkdir(directory, { recursive: true })
  const files = checkpointFiles(checkpoint, options)
  await replaceFiles(files.map(({ name, bytes }) => ({ path: join(directory, name), bytes })))
}

/** The same checkpoint gives the same bytes. */
export function checkpointFiles(
  checkpoint: Checkpoint,
  { storage = 'f32' }: StorageOptions = {},
): CheckpointFile[] {
  const utf8 = (text: string) => new TextEncoder().encode(text)
  const json = (value: unknown) => utf8(`${JSON.stringify(value, null, 2)}\n`)
  return [
    {
      name: 'config.json',
      bytes: json({
        architectures: [architectureOf(checkpoint)],
        // What readers take where nothing is said is f32.
        ...(storage === 'f16' ? { torch_dtype: 'float16' } : {}),
        ...checkpoint.config,
        aisle_trained: checkpoint.trained,
        ...(checkpoint.fusion ? { aisle_fusion: checkpoint.fusion } : {}),
      }),
    },
    { name: 'vocab.txt', bytes: utf8(`${checkpoint.vocabulary.join('\n')}\n`) },
    { name: 'tokenizer_config.json', bytes: json({ do_lower_case: checkpoint.lowercase }) },
    { name: 'model.safetensors', bytes: encodeSafetensors(storedTensors(checkpoint), { storage }) },
  ]
}

/** The class of Hugging Face's library that reads the file with its head. */
function architectureOf({ heads }: Checkpoint): string {
  if (heads.has('classifier.weight')) return 'BertForSequenceClassification'
  return heads.has('cls.predictions.bias') ? 'BertForMaskedLM' : 'BertModel'
}
/** Under the names that those classes give them: the encoder is their part `bert`. */
const storedTensors = ({ tensors, heads }: Checkpoint): Map<string, CheckpointTensor> =>
  new Map([...[...tensors].map(([name, tensor]) => [`bert.${name}`, tensor] as const), ...heads])

export function checkpointFromFiles(given: readonly CheckpointFile[]): Result<Checkpoint, CheckpointError> {
  const files: Files = new Map(given.map(({ name, bytes }) => [name, bytes]))
  const config = readConfig(files)
  if (!config.ok) return config
  const tokens = readVocabulary(files)
  if (!tokens.ok) return tokens
  const { vocabulary, lowercase } = tokens.value
  if (vocabulary.length > config.value.config.vocab_size)
    return malformed(
      'config.json',
      `the vocabulary has ${vocabulary.length} tokens, vocab_size is ${config.value.config.vocab_size}`,
    )
  const tensors = readTensors(files, config.value.config)
  if (!tensors.ok) return tensors
  return ok({ ...config.value, vocabulary, lowercase, ...tensors.value })
}

/** Id made from the content, whatever its storage: equal checkpoints have equal ids on every machine. */
export function modelId(checkpoint: Checkpoint): string {
  const hash = createHash('sha256').update(`encoding ${ENCODING_VERSION}\n`)
  for (const { name, bytes } of checkpointFiles(checkpoint))
    hash.update(`${name} ${bytes.length}\n`).update(bytes)
  const { num_hidden_layers: layers, hidden_size: hidden } = checkpoint.config
  return `bert-${layers}x${hidden}-${hash.digest('hex').slice(0, 16)}`
}

const malformed = (file: FileName, message: string) =>
  err<CheckpointError>({ kind: 'malformed', file, message: `${file}: ${message}` })
const unsupported = (file: FileName, message: string) =>
  err<CheckpointError>({ kind: 'unsupported', file, message: `${file}: ${message}` })
const missing = (file: FileName, message: string) =>
  err<CheckpointError>({ kind: 'missing-file', file, message })

const UNSUPPORTED_FIELDS = ['model_type', 'hidden_act', 'position_embedding_type']

function readConfig(
  files: Files,
): Result<Pick<Checkpoint, 'config' | 'trained' | 'fusion'>, CheckpointError> {
  const json = readJson(files, 'config.json')
  if (!json.ok) return json
  if (json.value === undefined) return missing('config.json', 'A checkpoint needs config.json.')
  const parsed = BertConfig.safeParse(json.value)
  if (!parsed.success) {
    const faults = parsed.error.issues
      .map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`)
      .join('; ')
    const other = parsed.error.issues.every(({ path }) => UNSUPPORTED_FIELDS.includes(String(path[0])))
    return other ? unsupported('config.json', faults) : malformed('config.json', faults)
  }
  const { aisle_trained: trained, aisle_fusion: learnt } = json.value as Record<string, unknown>
  const fusion = LearntFusion.optional().safeParse(learnt)
  if (!fusion.success) return malformed('config.json', 'aisle_fusion is not { vectorWeight, queries }')
  return ok({
    config: parsed.data,
    trained: trained !== false,
    ...(fusion.data ? { fusion: fusion.data } : {}),
  })
}

const FastTokenizer = z.object({
  normalizer: z.object({ lowercase: z.boolean().optional() }).loose().nullish(),
  model: z.object({ type: z.string().optional(), vocab: z.unknown() }),
})

/** `vocab.txt` wins where both files are there, as they say the same. Case is folded unless a file says otherwise. */
function readVocabulary(files: Files): Result<Pick<Checkpoint, 'vocabulary' | 'lowercase'>, CheckpointError> {
  const settings = readJson(files, 'tokenizer_config.json')
  if (!settings.ok) return settings
  const fast = readJson(files, 'tokenizer.json')
  if (!fast.ok) return fast
  const { do_lower_case: told } = (settings.value ?? {}) as { do_lower_case?: unknown }
  const tokenizer = FastTokenizer.safeParse(fast.value)
  const lowercase =
    typeof told === 'boolean'
      ? told
      : ((tokenizer.success ? tokenizer.data.normalizer?.lowercase : null) ?? true)

  const lines = files.get('vocab.txt')
  if (lines) {
    // Only '\n' ends a token: a vocabulary may well hold U+2028 or a lone carriage return.
    const vocabulary = new TextDecoder().decode(lines).replaceAll('\r\n', '\n').split('\n')
    if (vocabulary.at(-1) === '') vocabulary.pop()
    return checkVocabulary('vocab.txt', vocabulary, lowercase)
  }
  if (fast.value === undefined) return missing('vocab.txt', 'A checkpoint needs vocab.txt or tokenizer.json.')
  if (!tokenizer.success) return malformed('tokenizer.json', 'has no model.vocab')
  if ((tokenizer.data.model.type ?? 'WordPiece') !== 'WordPiece')
    return unsupported('tokenizer.json', `a ${tokenizer.data.model.type} tokenizer; BERT's is WordPiece`)
  const ids = z.record(z.string(), z.int().nonnegative()).safeParse(tokenizer.data.model.vocab)
  if (!ids.success) return malformed('tokenizer.json', 'model.vocab is not a map from token to id')
  const vocabulary: string[] = []
  for (const [token, id] of Object.entries(ids.data)) if (id < 10_000_000) vocabulary[id] = token
  return checkVocabulary('tokenizer.json', vocabulary, lowercase)
}

const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']

function checkVocabulary(file: FileName, vocabulary: string[], lowercase: boolean) {
  const gap = Array.from<string | undefined>(vocabulary).indexOf(undefined) // `from` turns holes into undefined
  if (gap !== -1) return malformed(file, `no token has id ${gap}`)
  const absent = SPECIAL_TOKENS.filter((token) => !vocabulary.includes(token))
  if (absent.length > 0) return malformed(file, `has no ${absent.join(', ')}`)
  return ok({ vocabulary, lowercase })
}

const HEAD = /^(cls\.predictions\.(transform\.|bias$)|classifier\.|encoder\..*\.adapter\.)/

function readTensors(
  files: Files,
  config: BertConfig,
): Result<Pick<Checkpoint, 'tensors' | 'heads'>, CheckpointError> {
  const bytes = files.get('model.safetensors')
  if (!bytes)
    return missing(
      'model.safetensors',
      'A checkpoint needs model.safetensors in one file; save a PyTorch or sharded checkpoint again in that form.',
    )
  const specs = parameterSpecs(config)
  const wanted = new Set(specs.map(({ name }) => name))
  const decoded = decodeSafetensors(bytes, (stored) => {
    let name = stored.replace(/^bert\./, '')
    for (const [pattern, replacement] of OLD_NORM_NAMES) name = name.replace(pattern, replacement)
    return wanted.has(name) || HEAD.test(name) ? name : null
  })
  if (!decoded.ok) return malformed('model.safetensors', decoded.error)
  const tensors: Checkpoint['tensors'] = new Map()
  for (const { name } of specs) {
    const tensor = decoded.value.get(name)
    if (tensor) tensors.set(name, tensor)
    decoded.value.delete(name)
  }
  const heads = decoded.value
  const faults = [
    ...shapeFaults(specs, tensors, 'config.json asks for'),
    ...shapeFaults(adapterSpecs(config, heads), heads, 'the first adapter and config.json ask for'),
  ]
  return faults.length > 0 ? malformed('model.safetensors', listFaults(faults)) : ok({ tensors, heads })
}

/** Where there is one adapter, each sublayer has one, and all are of its size. */
function adapterSpecs(config: BertConfig, heads: Checkpoint['heads']): ParameterSpec[] {
  const names = [...heads.keys()].filter((name) => name.includes('.adapter.'))
  if (names.length === 0) return []
  const first = names.find((name) => name.endsWith('.down.weight'))
  return tuningSpecs(config, { kind: 'adapter', size: (first && heads.get(first)!.shape[0]) || 1 })
}

/** A sentence for each tensor that is not there or has another shape. */
export const shapeFaults = (
  specs: readonly Pick<ParameterSpec, 'name' | 'shape'>[],
  tensors: ReadonlyMap<string, CheckpointTensor>,
  whoAsks: string,
): string[] =>
  specs.flatMap(({ name, shape }) => {
    const tensor = tensors.get(name)
    if (!tensor) return [`has no tensor ${name}`]
    if (tensor.shape.join() === shape.join()) return []
    return [`${name} has shape [${tensor.shape.join(', ')}], ${whoAsks} [${shape.join(', ')}]`]
  })

const FAULTS_LISTED_MAX = 20
export function listFaults(faults: readonly string[]): string {
  const more = faults.length - FAULTS_LISTED_MAX
  return faults.slice(0, FAULTS_LISTED_MAX).join('; ') + (more > 0 ? `; and ${more} more faults` : '')
}

/** `undefined` when the file is absent. */
function readJson(files: Files, name: FileName): Result<unknown, CheckpointError> {
  const bytes = files.get(name)
  if (!bytes) return ok(undefined)
  try {
    return ok(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    return malformed(name, 'is not JSON')
  }
}
