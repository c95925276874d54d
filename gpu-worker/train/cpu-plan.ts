/**
 * @file How a step runs on the CPU: the graph gives gradients, straight into one vector, and the optimiser runs over it here.
 * It is also the plan, on any provider, of a tuning that looks at the gradient of each step.
 */
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import type { BertConfig } from '../model/config.ts'
import { DROPOUT_OFFSETS_INPUT, DROPOUT_POOL_INPUT, dropoutOffsets, dropoutPool } from '../model/trainable.ts'
import {
  type FloatTensor,
  openSession,
  type Provider,
  type Session,
  type Tensor,
} from '../runtime/session.ts'
import type { AdamWState } from './adamw.ts'
import { type Optimiser, openOptimiser } from './optimiser.ts'
import { type ParameterLayout, sharedVector, viewOf } from './parameters.ts'
import {
  type AfterStep,
  isSound,
  type Outcome,
  type Part,
  type Plan,
  type PlanOptions,
  type StepOutcome,
} from './plan.ts'
import { createSessionCache } from './session-cache.ts'
import { buildStepModel, LOSS_OUTPUT, type StepModel } from './step-model.ts'

type Open = { step: StepModel; session: Session }

/** @param config of the encoder; null for a network that reads no texts */
export function createCpuPlan(
  config: BertConfig | null,
  layout: ParameterLayout,
  options: PlanOptions & { afterStep?: AfterStep; provider?: Provider },
): Plan {
  const { afterStep, provider = 'cpu' } = options
  const sessions = createSessionCache<Open>()
  const trained = new Map(layout.parameters.map(({ name, shape }) => [name, shape]))
  const pool = options.dropout > 0 ? dropoutPool(options.dropout, createRandom(options.seed)) : null
  const gradient = sharedVector(layout.size)
  let optimiser: Optimiser | null = null
  let scratch: Float32Array | null = null
  let state: AdamWState | null = null

  const tensorOf = (vector: Float32Array, name: string): FloatTensor => {
    const parameter = layout.byName.get(name)
    assert(parameter, `${name} is trained`)
    return { data: viewOf(vector, parameter), dims: parameter.shape }
  }
  const dropoutFeeds = ({ dropoutSites }: StepModel, seed: number): Record<string, Tensor> => {
    if (!pool || dropoutSites === 0) return {}
    return {
      [DROPOUT_POOL_INPUT]: { data: pool, dims: [pool.length] },
      [DROPOUT_OFFSETS_INPUT]: {
        data: dropoutOffsets(dropoutSites, createRandom(seed)),
        dims: [dropoutSites],
      },
    }
  }

  /** Adds `weight` times the gradient at `parameters`. With `isFirst` what is there does not count, and the runtime writes. */
  const addGradient = async (
    parameters: Float32Array,
    { batch, weight, seed }: Part,
    isFirst: boolean,
  ): Promise<Outcome> => {
    const { step, session } = await sessions.get(batch.shape, async () => {
      const made = buildStepModel(config, { ...options, trained }, batch.emit)
      const opened = await openSession(made.model, { threads: options.threads, provider, plansMemory: false })
      return { step: { ...made, model: new Uint8Array() }, session: opened }
    })
    const feeds: Record<string, Tensor> = { ...batch.feeds, ...dropoutFeeds(step, seed) }
    for (const name of step.inputs) feeds[name] = tensorOf(parameters, name)
    const isDirect = isFirst && weight === 1
    if (isFirst)
      for (const one of layout.parameters)
        if (!isDirect || !step.gradients.includes(one.name)) viewOf(gradient, one).fill(0)
    if (!isDirect) scratch ??= new Float32Array(layout.size)
    const target = isDirect ? gradient : scratch!
    const gradients: Record<string, FloatTensor> = {}
    for (const name of step.gradients) gradients[`gradient/${name}`] = tensorOf(target, name)
    const results = await session.run(feeds, gradients)

    if (!isDirect)
      for (const name of step.gradients) {
        const { offset, count } = layout.byName.get(name)!
        for (let i = offset; i < offset + count; i++) gradient[i]! += weight * target[i]!
      }
    for (const { table, ids, output } of step.rows) {
      const rows = batch.feeds[ids]
      assert(rows?.data instanceof BigInt64Array, `${ids} are ids`)
      addRows(tensorOf(gradient, table), rows.data, results[output]!.data, weight)
    }
    const shown = Object.fromEntries(step.shown.map((name) => [name, results[`shown/${name}`]!]))
    return { loss: results[LOSS_OUTPUT]!.data[0]!, shown }
  }

  return {
    stepsMax: 1,
    gradient,
    memory: afterStep?.memory ?? new Map(),
    async begin(vectors) {
      state = vectors
      const { adamW, threads } = options
      optimiser = openOptimiser({ layout, state, gradient, adamW, threads })
    },
    async advance(steps) {
      assert(state && optimiser, 'the plan has begun')
      const outcomes: StepOutcome[] = []
      for (const { number, rate, parts } of steps) {
        const made: Outcome[] = []
        let loss = 0
        for (const part of parts) {
          const outcome = await addGradient(state.parameters, part, made.length === 0)
          made.push(outcome)
          loss += part.weight * outcome.loss
        }
        const norm = await optimiser.gradientNorm()
        const outcome = { loss, gradientNorm: norm, parts: made }
        if (!isSound(outcome)) break
        const scale = norm > options.clipNorm ? options.clipNorm / norm : 1
        await optimiser.step({ rate, step: number, scale })
        afterStep?.apply(number, state.parameters, gradient)
        outcomes.push(outcome)
      }
      return outcomes
    },
    async sync() {}, // the steps were made in the vectors themselves
    async close() {
      await optimiser?.close()
      await sessions.close()
    },
  }
}

/** table[ids[i]] += weight · rows[i]. Here, not by a scatter in the graph: that would write the whole table at each step. */
function addRows(table: FloatTensor, ids: BigInt64Array, rows: Float32Array, weight: number): void {
  const width = table.dims[1]!
  for (let row = 0; row < ids.length; row++) {
    const to = Number(ids[row]) * width
    const from = row * width
    for (let i = 0; i < width; i++) table.data[to + i]! += weight * rows[from + i]!
  }
}
