/**
 * @file What a parameter-efficient tuning learnt, apart from the model that it belongs to: a small safetensors file, of which
 * many can stand beside one base. A base with its delta is the model that the training made, bit for bit.
 *
 * The header's metadata:
 *   format   "aisle-delta"
 *   version  "1"
 *   base     id of the model that it belongs to, see `modelId`
 *   tuning   JSON of the settings: kind, rank, alpha, modules …
 *   labels   JSON, names of the classes where there is a classification head
 *   fusion   JSON, what was learnt of mixing words and vectors
 */
import { z } from 'zod'
import { assert, err, ok, type Result } from '../../shared/lib/result.ts'
import { LearntFusion } from '../../shared/schema/manifest.ts'
import { type Checkpoint, listFaults, modelId, shapeFaults } from './checkpoint.ts'
import type { BertConfig, ParameterSpec } from './config.ts'
import { classifierSpecs } from './heads.ts'
import { type CheckpointTensor, decodeSafetensors, encodeSafetensors, readMetadata } from './safetensors.ts'
import { adaLoraSpecs, loraNames, mergeDelta, Tuning, tunedModules, tuningSpecs } from './tuning.ts'

type Tensors = ReadonlyMap<string, CheckpointTensor>
export type DeltaTuning = Exclude<Tuning, { kind: 'full' }>
export type Delta = {
  /** Id of the model that it belongs to. */
  base: string
  tuning: DeltaTuning
  /** Low-rank factors or adapters, and a classification head where one was trained. */
  tensors: Tensors
  labels?: readonly string[]
  fusion?: LearntFusion
}

const FORMAT = 'aisle-delta'
const VERSION = '1'
const Metadata = z.object({
  base: z.string().min(1),
  tuning: z.string(),
  labels: z.string().optional(),
  fusion: z.string().optional(),
})
const Labels = z.array(z.string())

/** Ranks that AdaLoRA gave up are left out: they add nothing. */
export function createDelta(
  base: Checkpoint,
  tuning: DeltaTuning,
  tensors: Tensors,
  labels?: readonly string[],
): Delta {
  const kept = tuning.kind === 'adalora' ? withoutEmptyRanks(base.config, tuning.modules, tensors) : tensors
  return { base: modelId(base), tuning, tensors: kept, ...(labels ? { labels } : {}) }
}

function withoutEmptyRanks(config: BertConfig, modules: readonly string[], tensors: Tensors): Tensors {
  const kept = new Map(tensors)
  for (const { name } of tunedModules(config, modules)) {
    const names = loraNames(name)
    const [a, b, e] = [tensors.get(names.a), tensors.get(names.b), tensors.get(names.e)]
    assert(a && b && e, `${name} is tuned`)
    const ranks = [...e.data.keys()].filter((rank) => e.data[rank] !== 0)
    if (ranks.length === 0) for (const gone of [names.a, names.b, names.e]) kept.delete(gone)
    else {
      const [out, all] = b.shape as [number, number]
      const width = a.shape[1]!
      const take = (shape: number[], valueAt: (at: number) => number): CheckpointTensor => ({
        shape,
        data: Float32Array.from({ length: shape.reduce((x, y) => x * y) }, (_, at) => valueAt(at)),
      })
      const count = ranks.length
      const row = (at: number) => ranks[Math.floor(at / width)]! * width + (at % width)
      const column = (at: number) => Math.floor(at / count) * all + ranks[at % count]!
      kept.set(
        names.a,
        take([count, width], (at) => a.data[row(at)]!),
      )
      kept.set(
        names.e,
        take([count], (at) => e.data[ranks[at]!]!),
      )
      kept.set(
        names.b,
        take([out, count], (at) => b.data[column(at)]!),
      )
    }
  }
  return kept
}

/** The same delta gives the same bytes. */
export const encodeDelta = ({ base, tuning, tensors, labels, fusion }: Delta): Uint8Array<ArrayBuffer> =>
  encodeSafetensors(tensors, {
    metadata: {
      format: FORMAT,
      version: VERSION,
      base,
      tuning: JSON.stringify(tuning),
      ...(labels ? { labels: JSON.stringify(labels) } : {}),
      ...(fusion ? { fusion: JSON.stringify(fusion) } : {}),
    },
  })

/** Read untrusted bytes; the error is a sentence for a person. Whether it fits a base is for `applyDelta` to say. */
export function decodeDelta(bytes: Uint8Array): Result<Delta, string> {
  const header = readMetadata(bytes)
  if (!header.ok) return header
  const { format, version } = header.value
  if (format !== FORMAT) return err('it is a safetensors file, but not a delta of Aisle')
  if (version !== VERSION) return err(`it is a delta of version ${version}; version ${VERSION} can be read`)
  const metadata = Metadata.safeParse(header.value)
  const tuning = Tuning.safeParse(parseJson(metadata.data?.tuning))
  const labels = Labels.optional().safeParse(parseJson(metadata.data?.labels))
  const fusion = LearntFusion.optional().safeParse(parseJson(metadata.data?.fusion))
  const isWhole = metadata.success && tuning.success && labels.success && fusion.success
  if (!isWhole || tuning.data.kind === 'full') return err('its metadata are damaged')
  const tensors = decodeSafetensors(bytes)
  if (!tensors.ok) return tensors
  const { base } = metadata.data
  return ok({
    base,
    tuning: tuning.data,
    tensors: tensors.value,
    ...(labels.data ? { labels: labels.data } : {}),
    ...(fusion.data ? { fusion: fusion.data } : {}),
  })
}

/** `undefined` where there is none, and for what is no JSON a value that no schema takes. */
function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The model that was trained. The error is a sentence: another base, or the tensors that are missing or do not fit. */
export function applyDelta(base: Checkpoint, delta: Delta): Result<Checkpoint, string> {
  const id = modelId(base)
  if (id !== delta.base) return err(`it belongs to the base ${delta.base}, and this is ${id}`)
  const faults = faultsOf(base.config, delta)
  if (faults.length > 0) return err(listFaults(faults))
  const { fusion: _, ...tuned } = withTuned(base, delta.tuning, delta.tensors) // the base's is of other vectors
  return ok(delta.fusion ? { ...tuned, fusion: delta.fusion } : tuned)
}

/**
 * The base with what was tuned on it: low-rank factors are added to its weights, adapters and heads stand beside them, in the
 * place of those that it had.
 */
export function withTuned(base: Checkpoint, tuning: DeltaTuning, tensors: Tensors): Checkpoint {
  const heads = new Map(base.heads)
  for (const [name, tensor] of tensors) {
    if (/\.lora_[ABE]$/.test(name)) continue
    heads.delete(name) // so that the order is that of `tensors`, whatever the base had
    heads.set(name, tensor)
  }
  const merged = tuning.kind === 'adapter' ? base.tensors : mergeDelta(base.tensors, tensors, tuning)
  return { ...base, trained: true, tensors: merged, heads }
}

function faultsOf(config: BertConfig, { tuning, tensors, labels }: Delta): string[] {
  const classes = labels?.length ?? tensors.get('classifier.bias')?.shape[0]
  const specs = [
    ...specsOf(config, tuning, tensors),
    ...(classes === undefined ? [] : classifierSpecs(config, classes)),
  ]
  const known = new Set(specs.map(({ name }) => name))
  return [
    ...shapeFaults(specs, tensors, `${tuning.kind} on this base asks for`),
    ...[...tensors.keys()].filter((name) => !known.has(name)).map((name) => `${name} has no place in it`),
  ]
}

/** As the tuning made them; of AdaLoRA each module has as many ranks as were left to it, or none. */
function specsOf(config: BertConfig, tuning: DeltaTuning, tensors: Tensors): ParameterSpec[] {
  if (tuning.kind !== 'adalora') return tuningSpecs(config, tuning)
  return tunedModules(config, tuning.modules).flatMap((module) => {
    const { a, b, e } = loraNames(module.name)
    const rank = tensors.get(e)?.shape[0] ?? tuning.rank
    const isThere = tensors.has(a) || tensors.has(b) || tensors.has(e)
    return isThere ? adaLoraSpecs(module, Math.min(rank, tuning.rank)) : []
  })
}
