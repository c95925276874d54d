/**
 * @file How steps run on a CUDA card: K of them in one ONNX `Loop`, whose state is parameters and moments. The binding copies
 * inputs and outputs of a run between host and card; here that is the state once in K steps, and never inside the loop.
 *
 * Steps of one shape that follow each other make one run, K at most: every batch keeps its place in the order of the CPU
 * plan, at the price of short runs where shapes alternate. Accumulated batches and those of several tasks are unrolled in
 * the body.
 */
import { createRandom } from '../../shared/lib/random.ts'
import { assert } from '../../shared/lib/result.ts'
import type { Value } from '../graph/builder.ts'
import { createGraph } from '../graph/ops.ts'
import type { BertConfig } from '../model/config.ts'
import { dropoutOffsets, dropoutPool } from '../model/trainable.ts'
import {
  type FloatTensor,
  openSession,
  type Provider,
  type Session,
  type Tensor,
} from '../runtime/session.ts'
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
  shapeOf,
  stateVectors,
  stepNumbers,
  unpackState,
} from './resident-step.ts'
import { createSessionCache } from './session-cache.ts'

/** K: the copies of a run are spread over so many steps, and so many batches wait in memory. */
const STEPS_MAX = 16
const STEPS_INPUT = 'steps'

export type LoopModel = {
  model: Uint8Array<ArrayBuffer>
  /** By part: its inputs, dropout sites, and what it shows. */
  parts: { inputs: string[]; dropoutSites: number; shown: string[] }[]
}
type Open = { loop: LoopModel; session: Session }

export function createLoopPlan(
  config: BertConfig,
  layout: ParameterLayout,
  options: PlanOptions & { provider: Provider; stepsMax?: number },
): Plan {
  const groups = groupsOf(layout)
  const vectors = stateVectors(groups)
  const sessions = createSessionCache<Open>()
  const pool = options.dropout > 0 ? dropoutPool(options.dropout, createRandom(options.seed)) : null
  let state: AdamWState | null = null
  let packed: Float32Array[] = []
  /** Where the next run writes: a run that fails half-way leaves the state before it whole. */
  let spare: Float32Array[] = []

  const run = async ({ loop, session }: Open, steps: readonly Step[]): Promise<StepOutcome[]> => {
    const tensors = (side: readonly Float32Array[], prefix: string): Record<string, FloatTensor> =>
      Object.fromEntries(
        vectors.map(({ name }, at) => [prefix + name, { data: side[at]!, dims: [side[at]!.length] }]),
      )
    const feeds: Record<string, Tensor> = {
      ...tensors(packed, ''),
      [STEPS_INPUT]: { data: BigInt64Array.of(BigInt(steps.length)), dims: [] },
    }
    for (const name of STEP_NUMBERS)
      feeds[name] = {
        data: Float32Array.from(steps, (step) => stepNumbers(step, options.adamW)[name]),
        dims: [steps.length],
      }
    loop.parts.forEach(({ inputs, dropoutSites }, part) => {
      for (const name of inputs)
        feeds[`${partName(part)}/${name}`] = stack(steps.map(({ parts }) => parts[part]!.batch.feeds[name]!))
      if (dropoutSites > 0)
        feeds[`${partName(part)}/dropout_offsets`] = stack(
          steps.map(({ parts }) => ({
            data: dropoutOffsets(dropoutSites, createRandom(parts[part]!.seed)),
            dims: [dropoutSites],
          })),
        )
    })
    const results = await session.run(feeds, tensors(spare, 'next/'))
    return steps.map(({ parts }, step) => {
      const made = loop.parts.map(({ shown }, part) => ({
        loss: results[`${partName(part)}/loss`]!.data[step]!,
        shown: Object.fromEntries(
          shown.map((name) => [name, rowOf(results[`${partName(part)}/shown/${name}`]!, step)]),
        ),
      }))
      return {
        loss: made.reduce((sum, { loss }, part) => sum + parts[part]!.weight * loss, 0),
        gradientNorm: results['gradient_norm']!.data[step]!,
        parts: made,
      }
    })
  }

  return {
    stepsMax: options.stepsMax ?? STEPS_MAX,
    gradient: null,
    memory: new Map(),
    async begin(given) {
      state = given
      packed = packState(layout, groups, given)
      spare = packed.map((vector) => new Float32Array(vector.length))
    },
    async advance(steps) {
      const outcomes: StepOutcome[] = []
      for (const alike of runsOfOneShape(steps)) {
        const open = await sessions.get(shapeOf(alike[0]!), async () => {
          const loop = buildLoopModel(config, groups, options, alike[0]!, pool)
          const { threads, provider } = options
          const session = await openSession(loop.model, { threads, provider })
          return { loop: { ...loop, model: new Uint8Array() }, session }
        })
        let made = await run(open, alike)
        const sound = made.findIndex((outcome) => !isSound(outcome))
        const done = sound === -1 ? alike.length : sound
        // Past a step that failed there is nothing but NaN: the steps before it are made again, by themselves.
        if (done > 0 && done < alike.length) made = await run(open, alike.slice(0, done))
        if (done > 0) [packed, spare] = [spare, packed]
        outcomes.push(...made.slice(0, done))
        if (done < alike.length) break
      }
      return outcomes
    },
    async sync() {
      assert(state, 'the plan has begun')
      unpackState(layout, groups, packed, state)
    },
    close: () => sessions.close(),
  }
}

/** The file of the loop for steps like this one. Inputs and outputs as `run` above feeds and reads them. */
export function buildLoopModel(
  config: BertConfig,
  groups: readonly Group[],
  options: PlanOptions,
  { parts }: Step,
  pool: Float32Array | null,
): LoopModel {
  const g = createGraph('training_loop')
  const steps = g.input(STEPS_INPUT, 'i64', [])
  const stateInputs = stateVectors(groups).map(({ name, group }) => g.input(name, 'f32', [group.size]))
  const numbers = STEP_NUMBERS.map((name) => g.input(name, 'f32', [STEPS_INPUT]))
  const inputs = parts.map((): string[] => [])
  let shape: Omit<LoopModel, 'model'> = { parts: [] }
  const rowNames: string[] = []

  const { state, rows } = g.loop(steps, STEPS_INPUT, stateInputs, (body, iteration, before) => {
    const ofThisStep = (stacked: Value) => body.gatherRows(stacked, iteration)
    const [keep, stride, root] = numbers.map(ofThisStep) as [Value, Value, Value]
    const step = emitResidentStep(body, { config, groups, options }, parts, {
      state: before,
      numbers: { keep, stride, root },
      batchInput: (part, name, dtype, dims) => {
        inputs[part]!.push(name)
        return ofThisStep(g.input(`${partName(part)}/${name}`, dtype, [STEPS_INPUT, ...dims]))
      },
      dropoutOffsets: once((part) =>
        ofThisStep(g.input(`${partName(part)}/dropout_offsets`, 'i64', [STEPS_INPUT, `sites_${part}`])),
      ),
      dropoutPool: pool,
    })
    const row = (name: string, value: Value): Value => {
      rowNames.push(name)
      return value
    }
    const shown = step.parts.map((made, part) =>
      Object.entries(made.shown).map(([name, value]) => row(`${partName(part)}/shown/${name}`, value)),
    )
    const losses = step.parts.map(({ loss }, part) => row(`${partName(part)}/loss`, loss))
    shape = {
      parts: step.parts.map((made, part) => ({
        inputs: inputs[part]!,
        dropoutSites: made.dropoutSites,
        shown: Object.keys(made.shown),
      })),
    }
    return {
      state: step.state,
      rows: [...shown.flat(), ...losses, row('gradient_norm', step.gradientNorm)],
    }
  })
  stateVectors(groups).forEach(({ name }, at) => {
    g.output(state[at]!, `next/${name}`)
  })
  rows.forEach((value, at) => {
    g.output(value, rowNames[at]!)
  })
  return { ...shape, model: g.toModel() }
}

function once(make: (part: number) => Value): (part: number) => Value {
  const made = new Map<number, Value>()
  return (part) => {
    const value = made.get(part) ?? make(part)
    made.set(part, value)
    return value
  }
}

function runsOfOneShape(steps: readonly Step[]): Step[][] {
  const runs: Step[][] = []
  for (const step of steps) {
    const last = runs.at(-1)
    if (last && shapeOf(last[0]!) === shapeOf(step)) last.push(step)
    else runs.push([step])
  }
  return runs
}

/** Tensors of one shape along a new first axis. */
function stack(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors as [Tensor]
  const size = first.data.length
  const dims = [tensors.length, ...first.dims]
  if (first.data instanceof Float32Array) {
    const data = new Float32Array(tensors.length * size)
    tensors.forEach((one, at) => {
      data.set(one.data as Float32Array, at * size)
    })
    return { data, dims }
  }
  const data = new BigInt64Array(tensors.length * size)
  tensors.forEach((one, at) => {
    data.set(one.data as BigInt64Array, at * size)
  })
  return { data, dims }
}

function rowOf({ data, dims }: FloatTensor, row: number): FloatTensor {
  const size = data.length / dims[0]!
  return { data: data.subarray(row * size, (row + 1) * size), dims: dims.slice(1) }
}
