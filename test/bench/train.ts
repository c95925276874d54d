/**
 * @file A training step and the encoder against PyTorch: the same weights, batch, loss and optimiser on both sides.
 *
 *   node test/bench/train.ts [--json] [--smoke] [--only <part of a name>]… [--rounds N] [--threads N] [--no-torch]
 *
 * Each side runs in a fresh process; rounds alternate and reverse their order, so that a slow minute of the machine meets
 * both. A step is all that training does: forward, backward, clipping to norm 1, AdamW. The losses after the last step stand
 * beside the times: they agree, or the two sides did not do the same work. PyTorch is that of `AISLE_BENCH_PYTHON`, default
 * /usr/bin/python3 (Debian: python3-torch, libopenblas0-openmp); without it our side runs alone, and the report says why.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SHIPPED_MODEL_DIR } from '../../gpu-worker/config.ts'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { readCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { classifierSpecs } from '../../gpu-worker/model/heads.ts'
import type { Precision } from '../../gpu-worker/model/layers.ts'
import { encodeSafetensors } from '../../gpu-worker/model/safetensors.ts'
import { createSeededCheckpoint, initialValues } from '../../gpu-worker/model/seeded.ts'
import { Tuning, tuningSpecs } from '../../gpu-worker/model/tuning.ts'
import { readCatalogue } from '../../infra/cli/catalogue-file.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import { type Arm, benchVocabulary, type Job, type Work } from './train-arm.ts'

const SEED = 11
const CLASSES = 4
const LORA = { rank: 8, alpha: 16 }
const SETTINGS = { ...LORA, classes: CLASSES, warmUp: 2, rate: 1e-4 }
const TITLES_MAX = 2_000
/** Ids below it are [PAD] and its like. */
const FIRST_WORD = 5

type Size = { layers: number; hidden: number; heads: number; words: number; texts: number; tokens: number }
const SIZES = {
  tiny: { layers: 1, hidden: 16, heads: 2, words: 40, texts: 2, tokens: 8 },
  '4 × 256': { layers: 4, hidden: 256, heads: 4, words: 30_522, texts: 32, tokens: 64 },
  'BERT-base': { layers: 12, hidden: 768, heads: 12, words: 30_522, texts: 8, tokens: 64 },
} satisfies Record<string, Size>

/** Steps are those timed in each process. */
type Case = { size: keyof typeof SIZES; work: Work; steps: number }
export type TrainSizes = { cases: readonly Case[]; rounds: number; threads: number }
export const SMOKE: TrainSizes = {
  cases: (['full', 'lora', 'encode'] as const).map((work) => ({ size: 'tiny', work, steps: 2 })),
  rounds: 1,
  threads: 1,
}
export const FULL: TrainSizes = {
  cases: [
    { size: '4 × 256', work: 'full', steps: 15 },
    { size: '4 × 256', work: 'lora', steps: 15 },
    { size: '4 × 256', work: 'encode', steps: 30 },
    { size: 'BERT-base', work: 'full', steps: 4 },
    { size: 'BERT-base', work: 'lora', steps: 5 },
    { size: 'BERT-base', work: 'encode', steps: 10 },
  ],
  rounds: 5,
  threads: 2,
}

/** Of all rounds: the median of times, the highest of peaks. */
type Side = { ms: number; cpuMs: number; textsPerSecond: number; peakMb: number; check: number }
export type CaseReport = {
  name: string
  batch: string
  ours: Side
  /** With ours / PyTorch's: of the times round by round, of processor time, and of memory. */
  torch:
    | (Side & { ratio: { median: number; low: number; high: number }; cpuRatio: number; peakRatio: number })
    | null
}
export type TrainReport = {
  machine: string
  /** Processes that wanted to run, before the first case and after the last. */
  load: [number, number]
  /** Its version, or why there is none. */
  torch: { version: string } | { absent: string }
  cases: CaseReport[]
}

/** int8 against fp32 vectors of real titles, by the shipped model. */
export type TitleCosines = { titles: number; mean: number; lowest: number }

/** Null where the catalogue is not there. */
async function measureTitleCosines(): Promise<TitleCosines | null> {
  const catalogue = join(process.env['AISLE_DATA'] ?? '../shared/data', 'icecat/products.ndjson.gz')
  if (!existsSync(catalogue)) return null
  const titles: string[] = []
  for await (const { row } of readCatalogue(catalogue)) {
    if (titles.length === TITLES_MAX) break
    if (typeof row.title === 'string') titles.push(row.title)
  }
  const checkpoint = await readCheckpoint(SHIPPED_MODEL_DIR)
  assert(checkpoint.ok, 'the shipped model is readable')
  const vectorsIn = async (precision: Precision) => {
    const encoder = await createEncoder({ checkpoint: checkpoint.value, precision, threads: 2 })
    const vectors = await encoder.encode(titles)
    await encoder.close()
    return vectors
  }
  const [int8, fp32] = [await vectorsIn('int8'), await vectorsIn('fp32')]
  const cosines = int8.map((vector, at) => vector.reduce((sum, v, i) => sum + v * fp32[at]![i]!, 0))
  return {
    titles: titles.length,
    mean: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
    lowest: Math.min(...cosines),
  }
}

/** @param python the interpreter to ask for PyTorch; null asks none */
export function measureTrain({ cases, rounds, threads }: TrainSizes, python: string | null): TrainReport {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-bench-'))
  const before = loadavg()[0]!
  try {
    const torch = findTorch(python)
    const sides = 'version' in torch ? (['ours', 'torch'] as const) : (['ours'] as const)
    const written = new Map<string, Files>()
    const reports = cases.map((one) => {
      const files = written.get(one.size) ?? writeFiles(folder, one.size)
      written.set(one.size, files)
      const { work, steps } = one
      const job = JSON.stringify({ ...files, ...SETTINGS, work, steps, threads } satisfies Job)
      const arms: { ours: Arm[]; torch: Arm[] } = { ours: [], torch: [] }
      for (let round = 0; round < rounds; round++)
        for (const side of round % 2 === 0 ? sides : sides.toReversed())
          arms[side].push(
            side === 'ours'
              ? runArm(process.execPath, [join(import.meta.dirname, 'train-arm.ts'), job])
              : runArm(python!, [join(import.meta.dirname, 'torch/train_step.py'), job]),
          )
      return reportCase(one, arms)
    })
    return {
      machine: `${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}, ${threads} threads`,
      load: [before, loadavg()[0]!],
      torch,
      cases: reports,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const nameOf = ({ size, work }: Case): string => `${size} ${work}`

function reportCase(one: Case, arms: { ours: Arm[]; torch: Arm[] }): CaseReport {
  const { texts, tokens } = SIZES[one.size]
  const sideOf = (side: Arm[]): Side => {
    const ms = median(side.flatMap((arm) => arm.ms))
    return {
      ms,
      cpuMs: median(side.map((arm) => arm.cpuMs)),
      textsPerSecond: (texts / ms) * 1_000,
      peakMb: Math.max(...side.map((arm) => arm.peakMb)),
      check: side[0]!.check,
    }
  }
  const named = { name: nameOf(one), batch: `${texts} × ${tokens}`, ours: sideOf(arms.ours) }
  if (arms.torch.length === 0) return { ...named, torch: null }
  const other = sideOf(arms.torch)
  const ratios = arms.ours
    .map(({ ms }, round) => median(ms) / median(arms.torch[round]!.ms))
    .sort((a, b) => a - b)
  return {
    ...named,
    torch: {
      ...other,
      ratio: { median: median(ratios), low: ratios[0]!, high: ratios.at(-1)! },
      cpuRatio: named.ours.cpuMs / other.cpuMs,
      peakRatio: named.ours.peakMb / other.peakMb,
    },
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

function findTorch(python: string | null): TrainReport['torch'] {
  if (!python) return { absent: 'not asked for' }
  const { status, stdout, stderr, error } = spawnSync(
    python,
    ['-c', 'import torch; print(torch.__version__)'],
    { encoding: 'utf8' },
  )
  if (status === 0) return { version: stdout.trim() }
  return { absent: error?.message ?? stderr.trim().split('\n').at(-1)! }
}

function runArm(command: string, args: string[]): Arm {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      // Debian's OpenBLAS takes an older kernel than it could on processors that it does not know.
      OPENBLAS_CORETYPE: process.env['OPENBLAS_CORETYPE'] ?? 'SkylakeX',
    },
  })
  assert(status === 0, `${command} ${args[0]} ended with ${status}`)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Arm
}

type Files = Pick<Job, 'model' | 'batch' | 'config'>

/** Weights and batch as files that both sides read. Cost: 12 s for BERT-base. */
function writeFiles(folder: string, name: keyof typeof SIZES): Files {
  const { words, texts, tokens, ...size } = SIZES[name]
  const vocabulary = benchVocabulary(words)
  const checkpoint = createSeededCheckpoint({
    vocabulary,
    seed: SEED,
    positions: 512,
    toTrain: true,
    ...size,
  })
  const random = createRandom(SEED)
  const added = [
    ...classifierSpecs(checkpoint.config, CLASSES),
    ...tuningSpecs(checkpoint.config, Tuning.parse({ kind: 'lora', ...LORA })),
  ].map(({ name: tensor, shape, initial }) => {
    const count = shape.reduce((product, dim) => product * dim, 1)
    return [tensor, { shape, data: initialValues(initial, count, random) }] as const
  })
  const [first, last] = [vocabulary.indexOf('[CLS]'), vocabulary.indexOf('[SEP]')]
  const ids = Float32Array.from({ length: texts * tokens }, (_, at) => {
    const place = at % tokens
    if (place === 0) return first
    return place === tokens - 1 ? last : FIRST_WORD + Math.floor(random() * (words - FIRST_WORD))
  })
  const labels = Float32Array.from({ length: texts }, (_, row) => row % CLASSES)
  const model = join(folder, `${name}.model`)
  const batch = join(folder, `${name}.batch`)
  writeFileSync(model, encodeSafetensors(new Map([...checkpoint.tensors, ...added])))
  writeFileSync(
    batch,
    encodeSafetensors(
      new Map([
        ['text_ids', { shape: [texts, tokens], data: ids }],
        ['text_mask', { shape: [texts, tokens], data: new Float32Array(texts * tokens).fill(1) }],
        ['labels', { shape: [texts, 1], data: labels }],
      ]),
    ),
  )
  return { model, batch, config: checkpoint.config }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      threads: { type: 'string' },
      'no-torch': { type: 'boolean' },
    },
  })
  const sizes = values.smoke ? SMOKE : FULL
  const { only } = values
  const report = measureTrain(
    {
      cases: sizes.cases.filter((one) => !only || nameOf(one).includes(only)),
      rounds: Number(values.rounds ?? sizes.rounds),
      threads: Number(values.threads ?? sizes.threads),
    },
    values['no-torch'] ? null : (process.env['AISLE_BENCH_PYTHON'] ?? '/usr/bin/python3'),
  )
  const cosines = values.smoke || only ? null : await measureTitleCosines()
  if (values.json) console.log(JSON.stringify({ ...report, cosines }))
  else {
    print(report)
    if (cosines)
      console.log(
        `cosine of int8 to fp32 over ${cosines.titles} titles: mean ${cosines.mean.toFixed(5)}, lowest ${cosines.lowest.toFixed(5)}`,
      )
  }
}

function print({ machine, load, torch, cases }: TrainReport): void {
  console.log(`machine   ${machine}`)
  console.log(`load      ${load.map((one) => one.toFixed(1)).join(' before, ')} after`)
  console.log(`PyTorch   ${'version' in torch ? torch.version : `none: ${torch.absent}`}`)
  const row = (...cells: string[]) =>
    console.log(
      cells.map((cell, at) => (at === 0 ? cell.padEnd(18) : cell.padStart(at < 4 ? 12 : 9))).join(' '),
    )
  row(
    '',
    'batch',
    'ours ms',
    'PyTorch ms',
    'ratio',
    'low',
    'high',
    'cpu',
    'peak MB',
    'PyTorch',
    'ratio',
    'texts/s',
    'check',
    'PyTorch',
  )
  for (const { name, batch, ours, torch: other } of cases) {
    const fixed = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '–'
    row(
      name,
      batch,
      fixed(ours.ms, 1),
      fixed(other?.ms, 1),
      fixed(other?.ratio.median, 2),
      fixed(other?.ratio.low, 2),
      fixed(other?.ratio.high, 2),
      fixed(other?.cpuRatio, 2),
      fixed(ours.peakMb, 0),
      fixed(other?.peakMb, 0),
      fixed(other?.peakRatio, 2),
      fixed(ours.textsPerSecond, 0),
      fixed(ours.check, 4),
      fixed(other?.check, 4),
    )
  }
}
