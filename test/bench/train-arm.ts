/** @file One side of `train.ts` in a process of its own: ours. The other side is `torch/train_step.py`, with the same job. */
import { readFileSync } from 'node:fs'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import type { BertConfig } from '../../gpu-worker/model/config.ts'
import { type CheckpointTensor, decodeSafetensors } from '../../gpu-worker/model/safetensors.ts'
import { Tuning } from '../../gpu-worker/model/tuning.ts'
import { ADAMW_DEFAULTS } from '../../gpu-worker/train/adamw.ts'
import { createCpuPlan } from '../../gpu-worker/train/cpu-plan.ts'
import { emitClassification } from '../../gpu-worker/train/objectives/classify.ts'
import { layOut } from '../../gpu-worker/train/parameters.ts'
import { type Task, train } from '../../gpu-worker/train/trainer.ts'
import { assert } from '../../shared/lib/result.ts'

export type Work = 'full' | 'lora' | 'encode'
/** What a process is to do; both sides read it. */
export type Job = {
  /** Safetensors: every tensor of the encoder, `classifier.*` and, for all that LoRA tunes, `lora_A` and `lora_B`. */
  model: string
  /** Safetensors: `text_ids` and `text_mask` [texts, tokens], `labels` [texts, 1]. */
  batch: string
  config: BertConfig
  work: Work
  classes: number
  /** Steps before those that are timed. */
  warmUp: number
  steps: number
  threads: number
  /** Of LoRA. */
  rank: number
  alpha: number
  /** η, the same at every step. */
  rate: number
}
/** What it measured. */
export type Arm = {
  /** Of each timed step. */
  ms: number[]
  /** Processor time of a step, all threads together, as a mean. */
  cpuMs: number
  /** Highest resident set from the start of the process, MB. */
  peakMb: number
  /** Loss of the last step, or the sum of |v| over the vectors. */
  check: number
}

/** Every id but the special ones is a word of its own, so that texts can be made from ids. */
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
export const benchVocabulary = (size: number): string[] =>
  Array.from({ length: size }, (_, id) => SPECIAL[id] ?? `w${id}`)

export async function runJob(job: Job): Promise<Arm> {
  const clock = createClock(job)
  const check = job.work === 'encode' ? await runEncoder(job, clock) : await runTraining(job, clock)
  return { ...clock.times(), peakMb: peakMb(), check }
}

type Clock = ReturnType<typeof createClock>

/** Told at the end of each step; the steps of the warm-up do not count. */
function createClock({ warmUp, steps }: Job) {
  const ms: number[] = []
  let done = 0
  let from = performance.now()
  let cpuFrom = process.cpuUsage()
  return {
    stepDone() {
      const now = performance.now()
      if (done >= warmUp) ms.push(now - from)
      done++
      if (done === warmUp) cpuFrom = process.cpuUsage()
      from = performance.now()
    },
    times() {
      const { user, system } = process.cpuUsage(cpuFrom)
      return { ms, cpuMs: (user + system) / 1_000 / steps }
    },
  }
}

async function runTraining(job: Job, clock: Clock): Promise<number> {
  const tensors = readTensors(job.model)
  const { text_ids: ids, text_mask: mask, labels } = Object.fromEntries(readTensors(job.batch))
  assert(ids && mask && labels, 'the batch is whole')
  const [batch, seq] = ids.shape as [number, number]
  const tuning = Tuning.parse(
    job.work === 'lora' ? { kind: 'lora', rank: job.rank, alpha: job.alpha } : { kind: 'full' },
  )
  const isTrained = (name: string) =>
    name.startsWith('classifier.') || name.includes('.lora_') === (job.work === 'lora')
  const layout = layOut(
    [...tensors].filter(([name]) => isTrained(name)).map(([name, { shape }]) => [name, shape]),
  )
  const plan = createCpuPlan(job.config, layout, {
    frozen: tensors,
    tuning,
    dropout: 0,
    adamW: ADAMW_DEFAULTS,
    clipNorm: 1,
    threads: job.threads,
    seed: 1,
  })
  const integers = ({ shape, data }: CheckpointTensor) => ({
    data: BigInt64Array.from(data, BigInt),
    dims: shape,
  })
  const task: Task = {
    name: 'classify',
    weight: 1,
    batchAt: () => ({
      shape: 'one',
      emit: (net) => emitClassification(net, { batch, seq, isPair: false }, 'mean'),
      feeds: {
        text_ids: integers(ids),
        text_mask: { data: mask.data, dims: mask.shape },
        labels: integers(labels),
        weights: { data: new Float32Array(batch).fill(1), dims: [batch, 1] },
      },
      texts: batch,
    }),
  }
  let last = Number.NaN
  await train({
    layout,
    initial: tensors,
    plan,
    tasks: [task],
    schedule: { kind: 'constant', rate: job.rate, warmUpSteps: 0, steps: job.warmUp + job.steps, floor: 0 },
    accumulate: 1,
    seed: 1,
    fingerprint: '',
    onStep: ({ loss }) => {
      last = loss
      clock.stepDone()
    },
  })
  await plan.close()
  return last
}

async function runEncoder(job: Job, clock: Clock): Promise<number> {
  const tensors = readTensors(job.model)
  const ids = readTensors(job.batch).get('text_ids')
  assert(ids, 'the batch has ids')
  const [texts, tokens] = ids.shape as [number, number]
  const vocabulary = benchVocabulary(job.config.vocab_size)
  const words = Array.from({ length: texts }, (_, row) =>
    Array.from(ids.data.subarray(row * tokens + 1, (row + 1) * tokens - 1), (id) => vocabulary[id]).join(' '),
  )
  const encoder = await createEncoder({
    checkpoint: {
      config: job.config,
      trained: false,
      vocabulary,
      lowercase: true,
      tensors,
      heads: new Map(),
    },
    precision: 'int8',
    maxTokens: tokens,
    batchTokens: texts * tokens,
    threads: job.threads,
  })
  let sum = 0
  for (let step = 0; step < job.warmUp + job.steps; step++) {
    const vectors = await encoder.encode(words)
    clock.stepDone()
    sum = vectors.reduce((all, vector) => vector.reduce((a, b) => a + Math.abs(b), all), 0)
  }
  await encoder.close()
  return sum
}

function readTensors(path: string): Map<string, CheckpointTensor> {
  const tensors = decodeSafetensors(readFileSync(path))
  assert(tensors.ok, `${path} is readable`)
  return tensors.value
}

/** NaN where the system does not tell. */
function peakMb(): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return Number(kilobytes) / 1_000
  } catch {
    return Number.NaN
  }
}

if (import.meta.main) console.log(JSON.stringify(await runJob(JSON.parse(process.argv[2]!) as Job)))
