/**
 * @file How steps run on WebGPU: a step is one run of one graph, and the state stays in GPU buffers from run to run. Only the
 * batch goes there, and only losses come back.
 *
 * The binding cannot read a buffer (a tensor's `getData` ends the process), so state comes and goes through a graph that
 * copies: see `infra/decisions/0007-a-plan-for-each-provider.md`.
 */
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import { lowerForWebGpu } from '../graph/lower.ts'
import { createGraph } from '../graph/ops.ts'
import type { BertConfig } from '../model/config.ts'
import { dropoutOffsets, dropoutPool } from '../model/trainable.ts'
import { type BufferSession, type BufferTensor, openBufferSession, type Tensor } from '../runtime/session.ts'
import type { AdamWState } from './adamw.ts'
import type { ParameterLayout } from './parameters.ts'
import { isSound, type Plan, type PlanOptions, type Step, type StepOutcome } from './plan.ts'
import {
  emitResidentStep,
  type Group,
  groupsOf,
  packState,
  partName,
  STEP_NUMBERS,
  type StepNumbers,
  shapeOf,
  stateVectors,
  stepNumbers,
  unpackState,
} from './resident-step.ts'
import { createSessionCache } from './session-cache.ts'

export type BufferModel = {
  model: Uint8Array<ArrayBuffer>
  parts: { dropoutSites: number; shown: string[] }[]
}
type Open = { step: BufferModel; session: BufferSession }
type Copier = { up: BufferSession; down: BufferSession }

export function createBufferPlan(config: BertConfig, layout: ParameterLayout, options: PlanOptions): Plan {
  const groups = groupsOf(layout)
  const vectors = stateVectors(groups)
  const sessions = createSessionCache<Open>()
  const settings = { threads: options.threads, provider: 'webgpu' as const }
  const pool = options.dropout > 0 ? dropoutPool(options.dropout, createRandom(options.seed)) : null
  let copier: Copier | null = null
  let state: AdamWState | null = null
  let buffers: BufferTensor[] = []

  const run = async ({ step: { parts }, session }: Open, step: Step) => {
    const numbers = stepNumbers(step, options.adamW)
    const feeds: Record<string, Tensor | BufferTensor> = Object.fromEntries([
      ...vectors.map(({ name }, at) => [name, buffers[at]!] as const),
      ...STEP_NUMBERS.map((name) => [name, { data: Float32Array.of(numbers[name]), dims: [] }] as const),
    ])
    step.parts.forEach(({ batch, seed }, part) => {
      const { dropoutSites } = parts[part]!
      for (const [name, tensor] of Object.entries(batch.feeds)) feeds[`${partName(part)}/${name}`] = tensor
      if (dropoutSites > 0)
        feeds[`${partName(part)}/dropout_offsets`] = {
          data: dropoutOffsets(dropoutSites, createRandom(seed)),
          dims: [dropoutSites],
        }
    })
    const { values, buffers: next } = await session.run(feeds)
    const made = parts.map(({ shown }, part) => ({
      loss: values[`${partName(part)}/loss`]!.data[0]!,
      shown: Object.fromEntries(shown.map((name) => [name, values[`${partName(part)}/shown/${name}`]!])),
    }))
    const outcome: StepOutcome = {
      loss: made.reduce((sum, { loss }, part) => sum + step.parts[part]!.weight * loss, 0),
      gradientNorm: values['gradient_norm']!.data[0]!,
      parts: made,
    }
    return { outcome, next: vectors.map(({ name }) => next[`next/${name}`]!) }
  }

  return {
    stepsMax: 1,
    gradient: null,
    memory: new Map(),
    async begin(given) {
      state = given
      copier ??= { up: await openCopy(true, settings), down: await openCopy(false, settings) }
      for (const buffer of buffers) buffer.release()
      buffers = []
      for (const data of packState(layout, groups, given)) {
        const { buffers: made } = await copier.up.run({ x: { data, dims: [data.length] } })
        buffers.push(made['y']!)
      }
    },
    async advance(steps) {
      const outcomes: StepOutcome[] = []
      for (const step of steps) {
        const open = await sessions.get(shapeOf(step), async () => {
          const made = buildBufferModel(config, groups, options, step, pool)
          const kept = vectors.map(({ name }) => `next/${name}`)
          const session = await openBufferSession(made.model, kept, settings)
          return { step: { ...made, model: new Uint8Array() }, session }
        })
        // Where that closed another session, it was not the one that made the buffers: that one ran last.
        const { outcome, next } = await run(open, step)
        const isGood = isSound(outcome)
        for (const buffer of isGood ? buffers : next) buffer.release()
        if (!isGood) break
        buffers = next
        outcomes.push(outcome)
      }
      return outcomes
    },
    async sync() {
      assert(state && copier, 'the plan has begun')
      const packed: Float32Array[] = []
      for (const buffer of buffers) packed.push((await copier.down.run({ x: buffer })).values['y']!.data)
      unpackState(layout, groups, packed, state)
    },
    async close() {
      for (const buffer of buffers) buffer.release()
      buffers = []
      await sessions.close()
      await copier?.up.close()
      await copier?.down.close()
    },
  }
}

/** y = x, between host and buffer. */
function openCopy(isUp: boolean, settings: { threads: number; provider: 'webgpu' }): Promise<BufferSession> {
  const g = createGraph('copy')
  const x = g.input('x', 'f32', ['count'])
  g.output(g.emit('Identity', [x], x), 'y')
  return openBufferSession(g.toModel(), isUp ? ['y'] : [], settings)
}

/** The file of a step like this one. Inputs and outputs as `run` above feeds and reads them. */
export function buildBufferModel(
  config: BertConfig,
  groups: readonly Group[],
  options: PlanOptions,
  { parts }: Step,
  pool: Float32Array | null,
): BufferModel {
  const g = createGraph('training_step')
  const numbers = Object.fromEntries(STEP_NUMBERS.map((name) => [name, g.input(name, 'f32', [])]))
  const offsets = new Map<number, ReturnType<typeof g.input>>()
  const step = emitResidentStep(g, { config, groups, options }, parts, {
    state: stateVectors(groups).map(({ name, group }) => g.input(name, 'f32', [group.size])),
    numbers: numbers as Record<keyof StepNumbers, ReturnType<typeof g.input>>,
    batchInput: (part, name, dtype, dims) => g.input(`${partName(part)}/${name}`, dtype, dims),
    dropoutOffsets(part) {
      const known =
        offsets.get(part) ?? g.input(`${partName(part)}/dropout_offsets`, 'i64', [`sites_${part}`])
      offsets.set(part, known)
      return known
    },
    dropoutPool: pool,
  })
  stateVectors(groups).forEach(({ name }, at) => {
    g.output(step.state[at]!, `next/${name}`)
  })
  step.parts.forEach(({ loss, shown }, part) => {
    g.output(loss, `${partName(part)}/loss`)
    for (const [name, value] of Object.entries(shown)) g.output(value, `${partName(part)}/shown/${name}`)
  })
  g.output(step.gradientNorm, 'gradient_norm')
  lowerForWebGpu(g)
  return {
    model: g.toModel(),
    parts: step.parts.map(({ shown, dropoutSites }) => ({ dropoutSites, shown: Object.keys(shown) })),
  }
}
