/**
 * @file How a step runs on the CPU: the graph gives gradients, straight into one vector, and the optimiser runs over it here.
 * One session for each shape of batch, the ones not used for longest closed first.
 */
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import type { BertConfig } from '../model/config.ts'
import { DROPOUT_OFFSETS_INPUT, DROPOUT_POOL, DROPOUT_POOL_INPUT, dropoutPool } from '../model/trainable.ts'
import { type FloatTensor, openSession, type Session, type Tensor } from '../runtime/session.ts'
import type { EmitLoss } from './network.ts'
import { type ParameterLayout, viewOf } from './parameters.ts'
import { buildStepModel, LOSS_OUTPUT, type StepModel, type StepModelOptions } from './step-model.ts'

/** A batch: its graph, which depends on `shape` alone, and its numbers. */
export type Batch = {
  /** Names the graph among all batches of a run: objective and sizes. */
  shape: string
  emit: EmitLoss
  feeds: Readonly<Record<string, Tensor>>
  /** Texts in it, for the speed shown. */
  texts: number
}
export type Outcome = { loss: number; shown: Readonly<Record<string, FloatTensor>> }
export type Plan = {
  /**
   * Add `weight` times the gradient of the batch's loss at `parameters` to `into`. With `isFirst` there are only zeros there
   * yet, and the runtime writes to it directly.
   */
  addGradient(
    parameters: Float32Array,
    batch: Batch,
    weight: number,
    seed: number,
    into: Float32Array,
    isFirst: boolean,
  ): Promise<Outcome>
  close(): Promise<void>
}

/** Graphs kept open: each has the memory of its activations. */
const SESSIONS_MAX = 8

type Open = { step: StepModel; session: Session }

export function createCpuPlan(
  config: BertConfig,
  layout: ParameterLayout,
  options: Omit<StepModelOptions, 'trained'> & { threads: number; seed: number },
): Plan {
  const sessions = new Map<string, Open>()
  const trained = new Map(layout.parameters.map(({ name, shape }) => [name, shape]))
  let scratch: Float32Array | null = null
  const pool = options.dropout > 0 ? dropoutPool(options.dropout, createRandom(options.seed)) : null

  const open = async ({ shape, emit }: Batch): Promise<Open> => {
    const known = sessions.get(shape)
    if (known) {
      sessions.delete(shape)
      sessions.set(shape, known) // last in the order of eviction
      return known
    }
    const step = buildStepModel(config, { ...options, trained }, emit)
    const session = await openSession(step.model, { threads: options.threads })
    const made = { step: { ...step, model: new Uint8Array() }, session }
    sessions.set(shape, made)
    if (sessions.size > SESSIONS_MAX) {
      const [oldest, { session: closing }] = sessions.entries().next().value!
      sessions.delete(oldest)
      await closing.close()
    }
    return made
  }

  const tensorOf = (vector: Float32Array, name: string): FloatTensor => {
    const parameter = layout.byName.get(name)
    assert(parameter, `${name} is trained`)
    return { data: viewOf(vector, parameter), dims: parameter.shape }
  }
  const dropoutFeeds = ({ dropoutSites }: StepModel, seed: number): Record<string, Tensor> => {
    if (!pool || dropoutSites === 0) return {}
    const random = createRandom(seed)
    const offsets = BigInt64Array.from({ length: dropoutSites }, () =>
      BigInt(Math.floor(random() * DROPOUT_POOL)),
    )
    return {
      [DROPOUT_POOL_INPUT]: { data: pool, dims: [pool.length] },
      [DROPOUT_OFFSETS_INPUT]: { data: offsets, dims: [dropoutSites] },
    }
  }

  return {
    async addGradient(parameters, batch, weight, seed, into, isFirst) {
      const { step, session } = await open(batch)
      const feeds: Record<string, Tensor> = { ...batch.feeds, ...dropoutFeeds(step, seed) }
      for (const name of step.inputs) feeds[name] = tensorOf(parameters, name)
      const isDirect = isFirst && weight === 1
      if (!isDirect) scratch ??= new Float32Array(layout.size)
      const target = isDirect ? into : scratch!
      const gradients: Record<string, FloatTensor> = {}
      for (const name of step.gradients) gradients[`gradient/${name}`] = tensorOf(target, name)
      const results = await session.run(feeds, gradients)

      if (!isDirect)
        for (const name of step.gradients) {
          const { offset, count } = layout.byName.get(name)!
          for (let i = offset; i < offset + count; i++) into[i]! += weight * target[i]!
        }
      for (const { table, ids, output } of step.rows) {
        const rows = batch.feeds[ids]
        assert(rows?.data instanceof BigInt64Array, `${ids} are ids`)
        addRows(tensorOf(into, table), rows.data, results[output]!.data, weight)
      }
      const shown = Object.fromEntries(step.shown.map((name) => [name, results[`shown/${name}`]!]))
      return { loss: results[LOSS_OUTPUT]!.data[0]!, shown }
    },
    async close() {
      for (const { session } of sessions.values()) await session.close()
      sessions.clear()
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
