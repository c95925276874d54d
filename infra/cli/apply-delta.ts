/** @file `aisle apply-delta`: a base and what was tuned on it become the model folder that the training made. */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { modelId, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { applyDelta, type Delta, decodeDelta } from '../../gpu-worker/model/delta.ts'
import { replaceFile } from '../../gpu-worker/replace-files.ts'
import { Failure } from './failure.ts'
import { encodeJson, LABELS_FILE, readBase } from './train.ts'

export type ApplyDeltaOptions = { base: string; delta: string; out: string }
export type AppliedDelta = { out: string; model: string; base: string; tuning: string }

export async function applyDeltaFile({ base, delta, out }: ApplyDeltaOptions): Promise<AppliedDelta> {
  if (resolve(base) === resolve(out))
    throw new Failure('--out is the folder of the base itself; give another one.')
  const learnt = await readDelta(delta)
  const applied = applyDelta(await readBase(base), learnt)
  if (!applied.ok) throw new Failure(`The delta "${delta}" does not fit "${base}": ${applied.error}.`)
  await writeCheckpoint(out, applied.value)
  if (learnt.labels) await replaceFile(join(out, LABELS_FILE), encodeJson(learnt.labels))
  return { out, model: modelId(applied.value), base: learnt.base, tuning: learnt.tuning.kind }
}

async function readDelta(path: string): Promise<Delta> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new Failure(`Cannot read "${path}": ${(error as Error).message}.`)
  }
  const read = decodeDelta(bytes)
  if (!read.ok) throw new Failure(`The delta "${path}" cannot be used: ${read.error}.`)
  return read.value
}

export const renderAppliedDelta = ({ out, model, base, tuning }: AppliedDelta): string =>
  `${model}, made of ${base} and what ${tuning} learnt; the model is in ${out}.`
