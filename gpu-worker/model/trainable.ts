/**
 * @file `Layers` whose weights are inputs of the graph, so that a gradient can be taken and a step made; whatever is frozen
 * is a constant. Low-rank and bottleneck tuning stand here, between the module and its input.
 */
import { assert } from '../../shared/lib/result.ts'
import type { Value } from '../graph/builder.ts'
import type { Graph } from '../graph/ops.ts'
import { countOf } from '../graph/ops.ts'
import { staticDim } from '../graph/shape.ts'
import { emitAdapter, type Layers } from './bert.ts'
import type { CheckpointTensor } from './safetensors.ts'
import { adapterNames, loraNames, type Tuning } from './tuning.ts'

/** Rows taken from a table that is being trained: their gradient is that of the rows, for the trainer to add to the table. */
export type LookUp = { table: string; ids: Value; rows: Value }

export type TrainableOptions = {
  /** Shapes of what is trained, by name. */
  trained: ReadonlyMap<string, readonly number[]>
  frozen: ReadonlyMap<string, CheckpointTensor>
  tuning: Tuning
  /** Share of numbers set to zero, [0, 1). */
  dropout: number
}
/**
 * Where the layers find what they do not make. By default parameters are inputs of the graph, and rows of a trained table
 * are differentiated apart from it. A graph that keeps the parameters in itself gives these instead; gradients then reach
 * whole tables, and nothing on the way needs a number of the host.
 */
export type Resident = {
  /** Any tensor, trained or frozen, by name. */
  tensor(name: string): Value
  /** f32[DROPOUT_NUMBERS] */
  dropoutPool(): Value
  /** i64[sites] */
  dropoutOffsets(): Value
}
export type TrainableLayers = Layers & {
  /** In order of their emission. */
  lookUps: LookUp[]
  /** The parameters by the names of `trained`. Only what the model used. */
  inputs: ReadonlyMap<string, Value>
  /** How many dropout sites there are: the length of the input `dropout_offsets`. */
  dropoutSites(): number
}

/** Numbers in the pool from which every dropout mask is cut; the offsets are drawn anew at each step. */
export const DROPOUT_POOL = 1 << 22
/** The longest mask there may be. */
const DROPOUT_SITE_MAX = 1 << 22
export const DROPOUT_NUMBERS = DROPOUT_POOL + DROPOUT_SITE_MAX
export const DROPOUT_POOL_INPUT = 'dropout_pool'
export const DROPOUT_OFFSETS_INPUT = 'dropout_offsets'

export function createTrainableLayers(
  g: Graph,
  options: TrainableOptions,
  resident?: Resident,
): TrainableLayers {
  const { trained, frozen, tuning, dropout: rate } = options
  const values = new Map<string, Value>()
  const inputs = new Map<string, Value>()
  const lookUps: LookUp[] = []
  let sites = 0

  const parameter = (name: string): Value => {
    const known = values.get(name)
    if (known) return known
    const shape = trained.get(name)
    const value = resident ? resident.tensor(name) : shape ? g.input(name, 'f32', shape) : constantOf(name)
    if (shape) inputs.set(name, value)
    values.set(name, value)
    return value
  }
  const constantOf = (name: string): Value => {
    const tensor = frozen.get(name)
    assert(tensor, `the model has ${name}`)
    return g.initializer(name, 'f32', tensor.shape, tensor.data)
  }

  /** x[rows, in] Wᵀ + b, with what the tuning adds. */
  const linearRows = (x: Value, module: string): Value => {
    // Not a Gemm with a bias: it spreads the bias over its result first, on one thread.
    const y = g.add(g.matMulTransposed(x, parameter(`${module}.weight`)), parameter(`${module}.bias`))
    if (tuning.kind !== 'lora' && tuning.kind !== 'adalora') return y
    if (!tuning.modules.some((suffix) => module.endsWith(suffix))) return y
    const names = loraNames(module)
    // y = x Wᵀ + b + (α/r) · ((x Aᵀ) ⊙ e) Bᵀ;  e = 1 in LoRA, the singular values in AdaLoRA.
    const low = g.gemm(x, parameter(names.a), null, { transB: true })
    const weighted = tuning.kind === 'adalora' ? g.mul(low, parameter(names.e)) : low
    return g.add(
      y,
      g.gemm(weighted, parameter(names.b), null, { transB: true, alpha: tuning.alpha / tuning.rank }),
    )
  }
  const linear = (x: Value, module: string): Value => {
    const width = staticDim(x.shape, -1)
    const rows = countOf(x) / width
    const y = linearRows(g.reshape(x, [rows, width]), module)
    return g.reshape(y, [...x.shape.slice(0, -1), staticDim(y.shape, -1)])
  }

  const dropout = (x: Value): Value => {
    if (rate === 0) return x
    const count = countOf(x)
    assert(count <= DROPOUT_SITE_MAX, `a dropout mask of ${count} numbers is cut from the pool`)
    const site = g.ints([sites++])
    if (resident) {
      // The bounds of a Slice are read on the host, so the places of the mask are computed instead.
      const from = g.gatherRows(resident.dropoutOffsets(), site)
      const mask = g.gatherRows(resident.dropoutPool(), g.add(from, g.range(count)))
      return g.mul(x, g.reshape(mask, x.shape))
    }
    const once = (name: string, make: () => Value) => {
      const value = values.get(name) ?? make()
      values.set(name, value)
      return value
    }
    const pool = once(DROPOUT_POOL_INPUT, () => g.input(DROPOUT_POOL_INPUT, 'f32', [DROPOUT_NUMBERS]))
    const offsets = once(DROPOUT_OFFSETS_INPUT, () => g.input(DROPOUT_OFFSETS_INPUT, 'i64', ['sites']))
    const from = g.gatherRows(offsets, site)
    const mask = g.emit('Slice', [pool, from, g.add(from, g.ints([count])), g.ints([0])], {
      shape: [count],
      dtype: 'f32',
    })
    return g.mul(x, g.reshape(mask, x.shape))
  }

  return {
    lookUps,
    inputs,
    dropoutSites: () => sites,
    parameter,
    lookUp: (name, ids) => {
      // By default a view of the table, through which nothing flows back: the rows are differentiated instead.
      const table = parameter(name)
      const rows = g.gatherRows(resident ? table : { ...table }, ids)
      if (trained.has(name)) lookUps.push({ table: name, ids, rows })
      return rows
    },
    linear: (x, modules) => modules.map((module) => linear(x, module)),
    dropout,
    // Those of this tuning, or of an earlier one on the base.
    adapt: (x, module) => {
      const first = `${adapterNames(module).down}.weight`
      return trained.has(first) || frozen.has(first) ? emitAdapter(g, x, module, linear) : x
    },
  }
}

/** Where the mask of each site begins in the pool, drawn from the seed of a batch: i64[sites]. */
export function dropoutOffsets(sites: number, random: () => number): BigInt64Array {
  return BigInt64Array.from({ length: sites }, () => BigInt(Math.floor(random() * DROPOUT_POOL)))
}
/** Numbers of the dropout pool: 0 with probability `rate`, else 1 / (1 − rate). */
export function dropoutPool(rate: number, random: () => number): Float32Array {
  const kept = 1 / (1 - rate)
  return Float32Array.from({ length: DROPOUT_NUMBERS }, () => (random() < rate ? 0 : kept))
}
