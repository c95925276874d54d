/** @file Which settings of a recipe are tried: a space of values by the path of a field, and seeded draws from it. */
import { z } from 'zod'
import { createRandom, type Random } from '../../../shared/lib/random.ts'

const range = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'the first bound must be below the second')
const Dimension = z.union([
  /** One of these. */
  z.array(z.json()).min(1).max(100),
  /** Uniform in the logarithm: for rates. */
  z.strictObject({ log: range.refine(([low]) => low > 0, 'bounds of "log" must be above 0') }),
  /** Uniform. */
  z.strictObject({ linear: range }),
])
type Dimension = z.infer<typeof Dimension>

/** By path, e.g. `contrastive.rate`. */
const Space = z.record(z.string(), Dimension)
export type Space = z.infer<typeof Space>
export const Tune = z.strictObject({
  /** For all of it, the last candidate's whole run included. */
  minutes: z.number().positive().max(10_080).default(60),
  /** The recipe as it stands is the first of them. */
  candidates: z.int().min(2).max(729).default(9),
  /** One in so many goes on to the next rung. */
  eta: z.int().min(2).max(10).default(3),
  space: Space.refine((space) => Object.keys(space).length > 0, 'names no field'),
})
export type Tune = z.infer<typeof Tune>
/** Values by path. */
export type Settings = Readonly<Record<string, unknown>>

/** These decide what is measured, or for how long is trained: candidates that differ in them cannot be compared. */
const FIXED = /^(version|recipe|seed|tune|rounds|validationShare)\b|\.(steps|validateEverySteps|patience)$/
/** Draws per candidate until one differs from those before; a space of few values runs out. */
const DRAWS_MAX = 50

/** Ends of each dimension, by path: when these are valid, what is between them is. */
export const extremesOf = (space: Space): [path: string, value: unknown][] =>
  Object.entries(space).flatMap(([path, dimension]) => {
    const values = Array.isArray(dimension)
      ? dimension
      : 'log' in dimension
        ? dimension.log
        : dimension.linear
    return values.map((value): [string, unknown] => [path, value])
  })
export const isFixed = (path: string): boolean => FIXED.test(path)

/** The first changes nothing; all differ. Fewer than `count` where the space has no more. */
export function drawSettings(space: Space, count: number, seed: number): Settings[] {
  const random = createRandom(seed)
  const drawn = new Map<string, Settings>([['{}', {}]])
  for (let draw = 0; draw < count * DRAWS_MAX && drawn.size < count; draw++) {
    const settings = Object.fromEntries(
      Object.entries(space).map(([path, dimension]) => [path, drawFrom(dimension, random)]),
    )
    drawn.set(JSON.stringify(settings), settings)
  }
  return [...drawn.values()]
}

/** Three digits: enough for a rate, short in a table, and the same on every platform. */
function drawFrom(dimension: Dimension, random: Random): unknown {
  if (Array.isArray(dimension)) return dimension[Math.floor(random() * dimension.length)]
  if ('linear' in dimension) {
    const [low, high] = dimension.linear
    return Number((low + (high - low) * random()).toPrecision(3))
  }
  const [low, high] = dimension.log
  return Number((low * (high / low) ** random()).toPrecision(3))
}

/** A copy with the values in their places; null when a path leads through a field that is not there. */
export function withSettings<T extends object>(recipe: T, settings: Settings): T | null {
  const copy = structuredClone(recipe)
  for (const [path, value] of Object.entries(settings)) {
    const names = path.split('.')
    let parent: unknown = copy
    for (const name of names.slice(0, -1))
      parent =
        typeof parent === 'object' && parent !== null && Object.hasOwn(parent, name)
          ? (parent as Record<string, unknown>)[name]
          : null
    if (typeof parent !== 'object' || parent === null) return null
    Object.defineProperty(parent, names.at(-1)!, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return copy
}
