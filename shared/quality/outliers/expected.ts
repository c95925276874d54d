/**
 * @file What a number of an item is expected to be, from items that are like it. The log of each price and numeric attribute is
 * a sum of what the item's words, brand and category add to it, so that no two items need be of one category: what
 * "toner", "HP" and "magenta" say adds up. Strong regularisation shrinks what few items say towards what many say.
 *
 * Half of the items are judged by what the other half says (by a hash of the id), so that no wrong value vouches for itself.
 */
import type { Item } from '../../schema/item.ts'
import { createAdaptive, sumOf, sumOfThousandths, toThousandths } from '../learn/adaptive.ts'
import { hashText, kindFeatures, mixHashes } from '../learn/features.ts'
import { createReservoir } from '../learn/reservoir.ts'
import { ascending, fitStudent, quantile, type Student } from './student.ts'

/** A number of fewer items than this has no siblings to be judged by. */
const VALUES_MIN = 30
const TARGETS_MAX = 500
/** Names of numeric attributes counted while items are seen; later ones of a hostile catalogue are not. */
const NAMES_MAX = 5_000
const ITEMS_MAX = 20_000
const CELLS = 1 << 16
/** Of the log of a value: what floating point adds when all prices are multiplied must not change a verdict. */
const LOG_STEPS = 10_000
const EPOCHS = 6
const LEARNING_RATE = 0.3
const WEIGHT_DECAY = 0.002
/** A value farther from its expectation than this (in ln) pulls no harder (Huber's loss). */
const PULL_MAX = 1
/** Like values differ by 3 % without a reason. */
const SCALE_FLOOR = 0.03
/** What is learnt of the spread is noisy: this part of it is believed, up to twice or half the usual spread. */
const SPREAD_TRUST = 0.3
const SPREAD_MAX = Math.log(2)
const SEED = 21

type Target = {
  /** Median of the log of all values. */
  centre: number
  /** Of (log value − expected log) / spread, for values of the half that was not learnt from. */
  residual: Student
}
/** Thousandths of what a hashed feature of a target adds, `CELLS` of them: to the expected log, to the log of the spread. */
type Half = { logs: number[]; spreads: number[] }
export type Expectations = { targets: Record<string, Target>; halves: Half[] }
/** A number of an item that has a logarithm. `target` is what it is compared with. */
export type Measure = { target: string; field: string; value: number }

/** Price (by currency) and numeric attributes above zero. */
export function measuresOf(item: Pick<Item, 'price' | 'currency' | 'attributes'>): Measure[] {
  const measures: Measure[] = []
  if (item.price !== null && item.price > 0)
    measures.push({ target: `price ${item.currency ?? ''}`, field: 'price', value: item.price })
  for (const [name, value] of Object.entries(item.attributes))
    if (typeof value === 'number' && value > 0 && Number.isFinite(value))
      measures.push({ target: `attribute ${name}`, field: `attributes.${name}`, value })
  return measures
}

const halfOf = (item: Pick<Item, 'id'>): number => hashText(`half ${item.id}`) & 1

/** Of each measure that has siblings: the log of the value less its expected log, and how such differences are spread. */
export function residualsOf(
  { targets, halves }: Expectations,
  item: Item,
): { measure: Measure; residual: number; spread: Student }[] {
  const known = measuresOf(item).filter(({ target }) => Object.hasOwn(targets, target))
  if (known.length === 0) return []
  const features = kindFeatures(item)
  const { logs, spreads } = halves[halfOf(item)]!
  return known.map((measure) => {
    const { centre, residual } = targets[measure.target]!
    const cells = cellsOf(measure.target, features)
    const spread = spreadOf(spreads, cells)
    return {
      measure,
      residual: relativeLog(Math.log(measure.value), centre) - sumOfThousandths(logs, cells),
      spread: { centre: residual.centre * spread, scale: residual.scale * spread, df: residual.df },
    }
  })
}

type Sample = { half: number; features: number[]; values: { target: string; log: number }[] }

export function createExpectationsLearner() {
  const samples = createReservoir<Sample>(ITEMS_MAX, SEED)
  const names = new Set<string>()
  return {
    see(item: Item): void {
      const values = measuresOf(item).flatMap(({ target, value }) => {
        if (names.size < NAMES_MAX) names.add(target)
        return names.has(target) ? [{ target, log: Math.log(value) }] : []
      })
      if (values.length > 0) samples.offer({ half: halfOf(item), features: kindFeatures(item), values })
    },
    learn: (): Expectations => learnExpectations(samples.values),
  }
}

function learnExpectations(samples: readonly Sample[]): Expectations {
  const centres = centresOf(samples)
  const examples = samples.flatMap(({ half, features, values }) =>
    values.flatMap(({ target, log }): Example[] => {
      const centre = centres.get(target)
      if (centre === undefined) return []
      return [{ half, target, cells: cellsOf(target, features), wanted: relativeLog(log, centre) }]
    }),
  )
  const logs = [0, 1].map((half) => learnWeights(without(half, examples)))
  const residuals = examples.map(({ half, cells, wanted }) => wanted - sumOfThousandths(logs[half]!, cells))
  const distances = residuals.map((residual) => Math.log(Math.abs(residual) + SCALE_FLOOR))
  const usual = medians(examples, distances)
  const distant = examples.map((one, at) => ({ ...one, wanted: distances[at]! - usual.get(one.target)! }))
  const spreads = [0, 1].map((half) => learnWeights(without(half, distant)))
  const stretched = examples.map(({ half, cells }, at) => residuals[at]! / spreadOf(spreads[half]!, cells))
  const targets = [...groupByTarget(examples, stretched)].map(([target, list]): [string, Target] => [
    target,
    { centre: centres.get(target)!, residual: fitStudent(list, SCALE_FLOOR) },
  ])
  return {
    targets: Object.fromEntries(targets),
    halves: logs.map((weights, half) => ({ logs: weights, spreads: spreads[half]! })),
  }
}

type Example = { half: number; target: string; cells: Uint32Array; wanted: number }

/** Half h is judged by weights that were learnt from the others. */
const without = (half: number, examples: readonly Example[]): Example[] =>
  examples.filter((example) => example.half !== half)

function groupByTarget(examples: readonly Example[], values: readonly number[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  examples.forEach(({ target }, at) => {
    const group = groups.get(target)
    if (group) group.push(values[at]!)
    else groups.set(target, [values[at]!])
  })
  return groups
}

const medians = (examples: readonly Example[], values: readonly number[]): Map<string, number> =>
  new Map(
    [...groupByTarget(examples, values)].map(([target, list]) => [target, quantile(ascending(list), 0.5)]),
  )

/** The targets with most values, and the median of their logs. */
function centresOf(samples: readonly Sample[]): Map<string, number> {
  const logs = new Map<string, number[]>()
  for (const { values } of samples)
    for (const { target, log } of values) {
      const list = logs.get(target) ?? []
      list.push(log)
      logs.set(target, list)
    }
  const usual = [...logs].filter(([, list]) => list.length >= VALUES_MIN)
  usual.sort(([a, first], [b, second]) => second.length - first.length || (a < b ? -1 : 1))
  return new Map(
    usual.slice(0, TARGETS_MAX).map(([target, list]) => [target, quantile(ascending(list), 0.5)]),
  )
}

function learnWeights(examples: readonly Example[]): number[] {
  const { weights, push } = createAdaptive(CELLS, { rate: LEARNING_RATE, decay: WEIGHT_DECAY })
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (const { cells, wanted } of examples)
      push(cells, Math.max(-PULL_MAX, Math.min(PULL_MAX, wanted - sumOf(weights, cells))))
  return toThousandths(weights)
}

/** The target by itself, and with each feature. */
function cellsOf(target: string, features: readonly number[]): Uint32Array {
  const name = hashText(target)
  const cells = new Uint32Array(features.length + 1)
  cells[0] = name & (CELLS - 1)
  features.forEach((feature, at) => {
    cells[at + 1] = mixHashes(name, feature) & (CELLS - 1)
  })
  return cells
}

/** How much wider than usual values of such items are spread. */
const spreadOf = (weights: ArrayLike<number>, cells: Uint32Array): number =>
  Math.exp(Math.max(-SPREAD_MAX, Math.min(SPREAD_MAX, SPREAD_TRUST * sumOfThousandths(weights, cells))))

const relativeLog = (log: number, centre: number): number =>
  Math.round((log - centre) * LOG_STEPS) / LOG_STEPS
