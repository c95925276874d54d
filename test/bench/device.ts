/**
 * @file The acceptance of a device: does a GPU compute what the CPU computes, and what does it gain? One table, with a verdict
 * for each bar. Without a GPU it says so, measures the CPU, and rehearses the loop of the CUDA plan there.
 *
 *   node test/bench/device.ts [--json] [--smoke] [--provider cuda|webgpu]
 *
 * Every column runs in a process of its own: its memory is its own, and a driver that dies takes one column with it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { mlmHeadSpecs } from '../../gpu-worker/model/heads.ts'
import type { Precision } from '../../gpu-worker/model/layers.ts'
import type { CheckpointTensor } from '../../gpu-worker/model/safetensors.ts'
import { createSeededCheckpoint, initialValues } from '../../gpu-worker/model/seeded.ts'
import { chooseProvider, type Finding, probeProviders } from '../../gpu-worker/runtime/probe.ts'
import { openSession, type Provider } from '../../gpu-worker/runtime/session.ts'
import { ADAMW_DEFAULTS } from '../../gpu-worker/train/adamw.ts'
import { buildBufferModel, createBufferPlan } from '../../gpu-worker/train/buffer-plan.ts'
import { createCpuPlan } from '../../gpu-worker/train/cpu-plan.ts'
import { createMlmTask } from '../../gpu-worker/train/data/mlm-task.ts'
import { buildLoopModel, createLoopPlan } from '../../gpu-worker/train/loop-plan.ts'
import { flatten, layOut } from '../../gpu-worker/train/parameters.ts'
import type { PlanOptions, Step } from '../../gpu-worker/train/plan.ts'
import { groupsOf } from '../../gpu-worker/train/resident-step.ts'
import { renderTable } from '../../infra/cli/table.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { nodesOf } from './onnx-nodes.ts'

const SEED = 17
/** Largest difference of a vector's component to fp32 on the CPU. */
const ENCODE_BAR: Partial<Record<Precision, number>> = { fp32: 1e-4, fp16: 1e-3 }
/** Largest relative difference of a step's loss to that on the CPU. */
const LOSS_BAR = 1e-2

export type DeviceSizes = {
  vocabulary: number
  layers: number
  hidden: number
  /** Texts of a batch and tokens of a text, for encoding and for training. */
  encodeTexts: number
  trainTexts: number
  tokens: number
  encodeRounds: number
  steps: number
}
export const SMOKE: DeviceSizes = {
  vocabulary: 100,
  layers: 1,
  hidden: 16,
  encodeTexts: 4,
  trainTexts: 4,
  tokens: 8,
  encodeRounds: 1,
  steps: 4,
}
export const FULL: DeviceSizes = {
  vocabulary: 8_000,
  layers: 4,
  hidden: 256,
  encodeTexts: 256,
  trainTexts: 32,
  tokens: 64,
  encodeRounds: 5,
  steps: 32,
}

/** Who computes, and by which plan steps are made. */
type Arm = { name: string; provider: Provider; plan: 'cpu' | 'loop' | 'buffer'; precisions: Precision[] }
const ARMS: Record<string, Arm> = {
  cpu: { name: 'cpu', provider: 'cpu', plan: 'cpu', precisions: ['fp32', 'int8'] },
  'cpu-loop': { name: 'cpu, loop', provider: 'cpu', plan: 'loop', precisions: ['fp16'] },
  cuda: { name: 'cuda', provider: 'cuda', plan: 'loop', precisions: ['fp32', 'fp16'] },
  webgpu: { name: 'webgpu', provider: 'webgpu', plan: 'buffer', precisions: ['fp32'] },
}

type Measured = {
  encode: { precision: Precision; textsPerSecond: number; vectors: number[][] }[]
  losses: number[]
  /** How far the parameters have come, ‖p − p₀‖, read back from where they are. */
  moved: number
  stepsPerSecond: number
  /** Nodes of the step (inside the loop, where there is one) that copy between host and device. */
  copies: { toHost: number; fromHost: number }
  hostMb: number
  deviceMb: number | null
}
export type Verdict = { value: number; bar: number | null; passes: boolean }
export type DeviceColumn = {
  arm: string
  /** Why there are no figures; null where there are. */
  error: string | null
  encode: { precision: Precision; textsPerSecond: number; difference: Verdict }[]
  loss: { last: number; difference: Verdict } | null
  moved: Verdict | null
  stepsPerSecond: number
  copiesToHost: Verdict | null
  copiesFromHost: number
  hostMb: number
  deviceMb: number | null
}
export type DeviceReport = { machine: string; sentence: string; findings: Finding[]; columns: DeviceColumn[] }

/** @param wanted a provider to measure although it may be slow; by default each GPU that is faster than the CPU */
export async function measureDevice(sizes: DeviceSizes, wanted?: 'cuda' | 'webgpu'): Promise<DeviceReport> {
  const findings = await probeProviders()
  const cpuMs = findings.find(({ provider }) => provider === 'cpu')
  const isFaster = (finding: Finding) =>
    finding.works && cpuMs?.works === true && finding.milliseconds < cpuMs.milliseconds
  const gpus = findings.filter((finding) => finding.provider !== 'cpu' && isFaster(finding))
  const devices = wanted ? [wanted] : gpus.map(({ provider }) => provider)
  const measured = new Map(
    ['cpu', ...(devices.length > 0 ? devices : ['cpu-loop'])].map((arm) => [arm, measureApart(arm, sizes)]),
  )
  const reference = measured.get('cpu')!
  if (typeof reference === 'string') throw new Error(`The CPU cannot be measured: ${reference}`)
  return {
    machine: `${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}`,
    sentence:
      devices.length > 0
        ? chooseProvider(wanted ?? 'auto', findings).sentence
        : `No GPU found. ${chooseProvider('auto', findings).sentence}`,
    findings,
    columns: [...measured].map(([arm, one]) => compare(ARMS[arm]!, one, reference)),
  }
}

/** In a fresh process; the text is what went wrong there. */
function measureApart(arm: string, sizes: DeviceSizes): Measured | string {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-device-'))
  const out = join(folder, 'measured.json')
  const args = [import.meta.filename, '--arm', arm, '--sizes', JSON.stringify(sizes), '--out', out]
  try {
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    if (status === 0) return JSON.parse(readFileSync(out, 'utf8')) as Measured
    return stderr.trim().split('\n').at(-1) || `the process ended with ${status ?? 'a signal'}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function compare(arm: Arm, measured: Measured | string, reference: Measured): DeviceColumn {
  if (typeof measured === 'string')
    return {
      arm: arm.name,
      error: measured,
      encode: [],
      loss: null,
      moved: null,
      stepsPerSecond: 0,
      copiesToHost: null,
      copiesFromHost: 0,
      hostMb: 0,
      deviceMb: null,
    }
  const judge = (value: number, bar: number | null): Verdict => ({
    value,
    bar,
    passes: bar === null || value <= bar,
  })
  const exact = reference.encode.find(({ precision }) => precision === 'fp32')!.vectors
  return {
    arm: arm.name,
    error: null,
    encode: measured.encode.map(({ precision, textsPerSecond, vectors }) => ({
      precision,
      textsPerSecond,
      difference: judge(
        largest(vectors.flatMap((vector, text) => vector.map((x, at) => Math.abs(x - exact[text]![at]!)))),
        ENCODE_BAR[precision] ?? null,
      ),
    })),
    loss: {
      last: measured.losses.at(-1)!,
      difference: judge(
        largest(measured.losses.map((loss, step) => Math.abs(loss / reference.losses[step]! - 1))),
        LOSS_BAR,
      ),
    },
    moved: judge(Math.abs(measured.moved / reference.moved - 1), LOSS_BAR),
    stepsPerSecond: measured.stepsPerSecond,
    copiesToHost: judge(measured.copies.toHost, 0),
    // Of a step by itself the batch comes from the host; in a loop it is there already.
    copiesFromHost: measured.copies.fromHost,
    hostMb: measured.hostMb,
    deviceMb: measured.deviceMb,
  }
}
const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => (value <= most ? most : value), 0) // NaN comes through

/** What a column's own process does. */
async function measureArm({ provider, plan, precisions }: Arm, sizes: DeviceSizes): Promise<Measured> {
  const { texts, checkpoint } = arrange(sizes)
  const encode: Measured['encode'] = []
  for (const precision of precisions) {
    const encoder = await createEncoder({
      checkpoint,
      precision,
      provider,
      maxTokens: sizes.tokens,
      batchTokens: sizes.encodeTexts * sizes.tokens,
      threads: THREADS,
    })
    const batch = texts.slice(0, sizes.encodeTexts)
    const vectors = await encoder.encode(batch)
    const seconds = await secondsOf(async () => {
      for (let round = 0; round < sizes.encodeRounds; round++) await encoder.encode(batch)
    })
    await encoder.close()
    const textsPerSecond = (sizes.encodeRounds * batch.length) / seconds
    encode.push({ precision, textsPerSecond, vectors: vectors.map((vector) => [...vector]) })
  }
  const training = await measureTraining(provider, plan, sizes)
  return {
    encode,
    ...training,
    hostMb: Math.round(process.resourceUsage().maxRSS / 1_000),
  }
}
const THREADS = cpus().length

async function measureTraining(provider: Provider, kind: Arm['plan'], sizes: DeviceSizes) {
  const { texts, checkpoint, vocabulary } = arrange(sizes)
  const random = createRandom(SEED)
  const frozen = new Map<string, CheckpointTensor>([
    ...checkpoint.tensors,
    ...mlmHeadSpecs(checkpoint.config).map(({ name, shape, initial }) => {
      const count = shape.reduce((product, dim) => product * dim, 1)
      return [name, { shape, data: initialValues(initial, count, random) }] as const
    }),
  ])
  const layout = layOut([...frozen].map(([name, { shape }]) => [name, shape]))
  const tokenizer = createWordPiece(checkpoint)
  const task = createMlmTask({
    texts: texts.map((text) => tokenizer.encode(text, sizes.tokens)),
    tokenizer,
    vocabulary,
    batchTokens: sizes.trainTexts * sizes.tokens,
    maxTokens: sizes.tokens,
    weight: 1,
    seed: SEED,
  })
  const options: PlanOptions = {
    frozen,
    tuning: { kind: 'full' },
    dropout: 0,
    adamW: ADAMW_DEFAULTS,
    clipNorm: 1,
    threads: THREADS,
    seed: SEED,
  }
  const steps = Array.from(
    { length: 2 * sizes.steps },
    (_, at): Step => ({
      number: at + 1,
      rate: 5e-4,
      parts: [{ batch: task.batchAt(at), weight: 1, seed: at }],
    }),
  )
  const plan =
    kind === 'cpu'
      ? createCpuPlan(checkpoint.config, layout, options)
      : kind === 'loop'
        ? createLoopPlan(checkpoint.config, layout, { ...options, provider })
        : createBufferPlan(checkpoint.config, layout, options)
  const start = flatten(layout, frozen)
  const state = {
    parameters: start.slice(),
    first: new Float32Array(layout.size),
    second: new Float32Array(layout.size),
  }
  await plan.begin(state)
  const losses: number[] = []
  const advance = async (part: readonly Step[]) => {
    for (let from = 0; from < part.length; from += plan.stepsMax)
      losses.push(...(await plan.advance(part.slice(from, from + plan.stepsMax))).map(({ loss }) => loss))
  }
  await advance(steps.slice(0, sizes.steps)) // the session is made here
  const seconds = await secondsOf(() => advance(steps.slice(sizes.steps)))
  const deviceMb = provider === 'cuda' ? cudaMb() : null
  await plan.sync()
  const moved = Math.sqrt(state.parameters.reduce((sum, value, at) => sum + (value - start[at]!) ** 2, 0))
  await plan.close()
  const groups = groupsOf(layout)
  const model =
    kind === 'buffer'
      ? buildBufferModel(checkpoint.config, groups, options, steps[0]!, null)
      : buildLoopModel(checkpoint.config, groups, options, steps[0]!, null)
  const copies =
    kind === 'cpu'
      ? { toHost: 0, fromHost: 0 }
      : await countCopies(model.model, provider, kind === 'loop' ? 1 : 0)
  return { losses, moved, stepsPerSecond: sizes.steps / seconds, copies, deviceMb }
}

/** Copies that the runtime put into its own version of the graph, at this depth and below. */
async function countCopies(model: Uint8Array, provider: Provider, depthMin: number) {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-device-'))
  try {
    const optimizedPath = join(folder, 'optimized.onnx')
    const session = await openSession(model, { threads: THREADS, provider, optimizedPath })
    await session.close()
    const nodes = nodesOf(readFileSync(optimizedPath)).filter(({ depth }) => depth >= depthMin)
    const count = (wanted: string) => nodes.filter(({ op }) => op === wanted).length
    return { toHost: count('MemcpyToHost'), fromHost: count('MemcpyFromHost') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A model with weights of some size, and texts of exactly as many tokens as a row has. */
function arrange(sizes: DeviceSizes) {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
  const words = sizes.vocabulary - special.length
  const vocabulary = [...special, ...Array.from({ length: words }, (_, n) => `w${n}`)]
  const checkpoint = createSeededCheckpoint({
    vocabulary,
    seed: SEED,
    layers: sizes.layers,
    hidden: sizes.hidden,
    heads: 4,
    positions: sizes.tokens,
    toTrain: true,
  })
  const random = createRandom(SEED)
  const texts = Array.from({ length: Math.max(sizes.encodeTexts, 4 * sizes.trainTexts) }, () =>
    Array.from({ length: sizes.tokens - 2 }, () => `w${Math.floor(random() * words)}`).join(' '),
  )
  return { texts, checkpoint, vocabulary }
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1_000
}

/** Memory in use on the first card, by whoever; null where nobody can say. */
function cudaMb(): number | null {
  const { stdout } = spawnSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits'], {
    encoding: 'utf8',
  })
  const megabytes = Number.parseInt(stdout ?? '', 10)
  return Number.isNaN(megabytes) ? null : megabytes
}

export const passes = ({ columns }: DeviceReport): boolean =>
  columns.every(
    ({ error, encode, loss, moved, copiesToHost }) =>
      error === null &&
      [...encode.map(({ difference }) => difference), loss?.difference, moved, copiesToHost].every(
        (verdict) => verdict?.passes,
      ),
  )

function render({ columns }: DeviceReport): string {
  const verdict = (one: Verdict | null | undefined, digits = 1): string => {
    if (!one) return '–'
    const value = one.value === 0 ? '0' : one.value.toExponential(digits)
    return one.bar === null ? value : `${value} ${one.passes ? 'pass' : 'FAIL'}`
  }
  const row = (name: string, bar: string, cell: (column: DeviceColumn) => string) => [
    name,
    bar,
    ...columns.map((column) => (column.error === null ? cell(column) : '–')),
  ]
  const precisions = (['fp32', 'fp16', 'int8'] as const).filter((precision) =>
    columns.some(({ encode }) => encode.some((one) => one.precision === precision)),
  )
  const of = (column: DeviceColumn, precision: Precision) =>
    column.encode.find((one) => one.precision === precision)
  return renderTable(
    ['', 'bar', ...columns.map(({ arm }) => arm)],
    [
      ...precisions.flatMap((precision) => [
        row(`encode ${precision}, texts/s`, '', (column) =>
          String(Math.round(of(column, precision)?.textsPerSecond ?? 0) || '–'),
        ),
        row(
          `encode ${precision}, largest difference`,
          ENCODE_BAR[precision] ? `≤ ${ENCODE_BAR[precision]}` : '',
          (column) => verdict(of(column, precision)?.difference),
        ),
      ]),
      row('training, steps/s', '', ({ stepsPerSecond }) => stepsPerSecond.toFixed(1)),
      row('last loss', '', ({ loss }) => loss?.last.toFixed(4) ?? '–'),
      row('loss curve, largest difference', `≤ ${LOSS_BAR}`, ({ loss }) => verdict(loss?.difference)),
      row('way of the parameters, difference', `≤ ${LOSS_BAR}`, ({ moved }) => verdict(moved)),
      row('copies to the host in a step', '0', ({ copiesToHost }) => verdict(copiesToHost)),
      row('copies from the host in a step', '', ({ copiesFromHost }) => String(copiesFromHost)),
      row('host memory, MB', '', ({ hostMb }) => String(hostMb)),
      row('device memory, MB', '', ({ deviceMb }) => String(deviceMb ?? '–')),
    ],
  )
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
      provider: { type: 'string' },
      arm: { type: 'string' },
      sizes: { type: 'string' },
      out: { type: 'string' },
    },
  })
  if (values.arm) {
    try {
      const measured = await measureArm(ARMS[values.arm]!, JSON.parse(values.sizes!) as DeviceSizes)
      writeFileSync(values.out!, JSON.stringify(measured))
      process.exit(0)
    } catch (error) {
      console.error(error instanceof Error ? error.message : error)
      process.exit(1)
    }
  }
  const wanted = values.provider as 'cuda' | 'webgpu' | undefined
  const report = await measureDevice(values.smoke ? SMOKE : FULL, wanted)
  if (values.json) console.log(JSON.stringify(report))
  else {
    console.log(`${report.machine}\n${report.sentence}\n\n${render(report)}`)
    for (const { arm, error } of report.columns) if (error !== null) console.log(`\n${arm}: ${error}`)
  }
  process.exit(passes(report) ? 0 : 1)
}
