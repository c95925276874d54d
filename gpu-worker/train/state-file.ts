/**
 * @file What a run needs to go on after a crash as if nothing had been: one safetensors file, replaced whole or not at all.
 * Bit for bit, because every draw of a step follows from the seed and the number of the step, not from what ran before.
 */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { decodeSafetensors, readMetadata, safetensorsParts } from '../model/safetensors.ts'
import { replaceFile } from '../replace-files.ts'
import type { AdamWState } from './adamw.ts'
import { sharedVector } from './parameters.ts'

const Progress = z.object({
  /** Steps done. */
  step: z.int().nonnegative(),
  /** Validations in a row without a better metric. */
  stale: z.int().nonnegative(),
  best: z.object({ step: z.int(), metric: z.number() }).nullable(),
  /** Of recipe, data and base: a state goes on only under the settings that made it. */
  fingerprint: z.string(),
})
export type Progress = z.infer<typeof Progress>
export type TrainingState = {
  progress: Progress
  vectors: AdamWState
  /** Parameters at `progress.best`. */
  best: Float32Array | null
  /** Numbers that a tuning keeps for itself, by name. */
  extra: ReadonlyMap<string, Float32Array>
}

/** Writes beside the file, waits for the disk, then takes its place. A failure leaves the file as it was. */
export async function writeState(path: string, state: TrainingState): Promise<void> {
  const vector = (data: Float32Array) => ({ shape: [data.length], data })
  const parts = safetensorsParts(
    new Map([
      ['parameters', vector(state.vectors.parameters)],
      ['first', vector(state.vectors.first)],
      ['second', vector(state.vectors.second)],
      ...(state.best ? ([['best', vector(state.best)]] as const) : []),
      ...[...state.extra].map(([name, data]) => [`extra/${name}`, vector(data)] as const),
    ]),
    { metadata: { progress: JSON.stringify(state.progress) } },
  )
  await replaceFile(path, parts)
}

/** Null when there is none yet. */
export async function readState(
  path: string,
  size: number,
  fingerprint: string,
): Promise<Result<TrainingState | null, string>> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ok(null)
    throw cause
  }
  const metadata = readMetadata(bytes)
  const tensors = decodeSafetensors(bytes)
  if (!metadata.ok || !tensors.ok) return err(`${path} is damaged; delete it to start again`)
  const progress = Progress.safeParse(JSON.parse(metadata.value.progress ?? 'null'))
  if (!progress.success) return err(`${path} is not the state of a training run`)
  if (progress.data.fingerprint !== fingerprint)
    return err(
      `${path} was written under another recipe, other data or another base; use another folder, or delete it`,
    )
  const of = (name: string) => tensors.value.get(name)?.data
  const [parameters, first, second] = [of('parameters'), of('first'), of('second')]
  if (!parameters || !first || !second || parameters.length !== size)
    return err(`${path} is the state of another model`)
  const extra = new Map(
    [...tensors.value].flatMap(([name, { data }]) =>
      name.startsWith('extra/') ? [[name.slice('extra/'.length), data]] : [],
    ),
  )
  return ok({
    progress: progress.data,
    vectors: { parameters: shared(parameters), first: shared(first), second: shared(second) },
    best: of('best') ?? null,
    extra,
  })
}

function shared(data: Float32Array): Float32Array {
  const vector = sharedVector(data.length)
  vector.set(data)
  return vector
}
