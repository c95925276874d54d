/**
 * @file Repairs learnt by example: from pairs of a dirty and a clean value, the simplest changes that make one of the
 * other and that leave every value alone of which a person said that it is clean.
 *
 * Source: Baran, Mahdavi and Abedjan, PVLDB 2020; programs by example: Gulwani, FlashFill, POPL 2011.
 */
import { parseDates, writeDate } from './dates.ts'
import { parseMeasure, plainNumber, shapeOf } from './values.ts'

export type Example = { dirty: string; clean: string }
export type Transform = {
  /** In words, for the reason of a verdict. */
  name: string
  /** The repaired value; null where the change does not apply. */
  apply(value: string): string | null
  /** How many examples it explains. */
  support: number
}

/** What has to be written down to say the change: the fewer, the more it says of values not seen. */
type Candidate = Omit<Transform, 'support'>

/** @param kept values that were labelled as clean */
export function learnTransforms(examples: readonly Example[], kept: readonly string[]): Transform[] {
  const candidates = new Map<string, Candidate>()
  for (const example of examples)
    for (const one of propose(example)) if (!candidates.has(one.name)) candidates.set(one.name, one)
  const learnt = [...candidates.values()].flatMap((candidate): Transform[] => {
    const breaks = [...kept, ...examples.map(({ clean }) => clean)].some((value) => {
      const changed = candidate.apply(value)
      return changed !== null && changed !== value
    })
    const wrong = examples.some(({ dirty, clean }) => {
      const changed = candidate.apply(dirty)
      return changed !== null && changed !== dirty && changed !== clean
    })
    const support = examples.filter(({ dirty, clean }) => candidate.apply(dirty) === clean).length
    return breaks || wrong || support === 0 ? [] : [{ ...candidate, support }]
  })
  // Stable: of equal support, the order of `propose` stands.
  return learnt.sort((a, b) => b.support - a.support)
}

/** Changes that explain an example, the more general ones first. */
function* propose({ dirty, clean }: Example): Generator<Candidate> {
  for (const [name, change] of FIXED) if (change(dirty) === clean) yield { name, apply: change }
  yield* proposeDate(dirty, clean)
  if (clean !== '') {
    const at = dirty.indexOf(clean)
    if (at >= 0) yield* proposeCut(dirty, clean, at)
    const from = clean.indexOf(dirty)
    if (dirty !== '' && from >= 0) {
      const [before, after] = [clean.slice(0, from), clean.slice(from + dirty.length)]
      const shape = shapeOf(dirty)
      yield {
        name: `put "${before}" before and "${after}" after "${shape}"`,
        apply: (value) => (shapeOf(value) === shape ? before + value + after : null),
      }
    }
  }
  yield* proposeReplacement(dirty, clean)
  yield { name: `"${dirty}" is "${clean}"`, apply: (value) => (value === dirty ? clean : null) }
}

const number = (value: string): string | null => {
  const measure = parseMeasure(value)
  return measure === null ? null : plainNumber(measure.value)
}

const FIXED: [string, (value: string) => string | null][] = [
  ['the number alone', (value) => ((parseMeasure(value)?.suffix ?? '') !== '' ? number(value) : null)],
  ['the plain number', number],
  ['without white space around', (value) => value.trim()],
  ['single spaces', (value) => value.trim().replace(/\s+/g, ' ')],
  ['lower case', (value) => value.toLowerCase()],
  ['upper case', (value) => value.toUpperCase()],
  [
    'capitals first',
    (value) => value.toLowerCase().replace(/(?<![\p{L}'’])\p{L}/gu, (letter) => letter.toUpperCase()),
  ],
]

function* proposeDate(dirty: string, clean: string): Generator<Candidate> {
  for (const to of parseDates(clean))
    for (const from of parseDates(dirty)) {
      if (writeDate(from, to.form, clean) !== clean || from.form === to.form) continue
      yield {
        name: `dates as ${to.form} instead of ${from.form}`,
        apply: (value) => {
          const reading = parseDates(value).find(({ form }) => form === from.form)
          return reading ? writeDate(reading, to.form, clean) : null
        },
      }
    }
}

/** The clean value lies inside the dirty one: what is around it is cut away. */
function* proposeCut(dirty: string, clean: string, at: number): Generator<Candidate> {
  const [before, after] = [dirty.slice(0, at), dirty.slice(at + clean.length)]
  const shape = shapeOf(clean)
  if (/9/.test(shape) && shape.length <= SHAPE_CHARS_MAX && before === '' && after !== '') {
    const head = new RegExp(`^${patternOf(shape)}`, 'u')
    yield {
      name: `the leading "${shape}"`,
      apply: (value) => {
        const found = head.exec(value)?.[0]
        return found === undefined || found === value ? null : found
      },
    }
  }
  if (after !== '') {
    // The same end, cut off wherever it stands.
    yield {
      name: `without "${after}" at the end${before ? ` and "${before}" before` : ''}`,
      apply: (value) =>
        value.startsWith(before) && value.endsWith(after) && value.length > before.length + after.length
          ? value.slice(before.length, value.length - after.length)
          : null,
    }
    const mark = /^\s*[^\p{L}\p{N}\s]\s*|^\s+\S{1,4}\s+-\s/u.exec(after)?.[0]
    if (before === '' && mark)
      yield {
        name: `what stands before "${mark}"`,
        apply: (value) => (value.indexOf(mark) > 0 ? value.slice(0, value.indexOf(mark)) : null),
      }
  } else if (before !== '')
    yield {
      name: `without "${before}" at the start`,
      apply: (value) => (value.startsWith(before) && value !== before ? value.slice(before.length) : null),
    }
}

/** A longer shape is that of a sentence. */
const SHAPE_CHARS_MAX = 24

/** Runs of a shape as a pattern: "9-9" matches any two numbers with a hyphen. */
const patternOf = (shape: string): string =>
  Array.from(shape, (kind) =>
    kind === '9'
      ? '\\p{Nd}+'
      : kind === 'A'
        ? '\\p{Lu}+'
        : kind === 'a'
          ? '\\p{L}+'
          : kind === ' '
            ? '\\s+'
            : kind.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&'),
  ).join('')

/** One text inside the value stands for another: the middle that differs. */
function* proposeReplacement(dirty: string, clean: string): Generator<Candidate> {
  let start = 0
  while (start < Math.min(dirty.length, clean.length) && dirty[start] === clean[start]) start++
  let end = 0
  while (end < Math.min(dirty.length, clean.length) - start && dirty.at(-1 - end) === clean.at(-1 - end))
    end++
  const [from, to] = [dirty.slice(start, dirty.length - end), clean.slice(start, clean.length - end)]
  if (from === '' || from === dirty) return
  // A single letter is a slip of this value, not a habit.
  if (/^[\p{L}\p{N}]$/u.test(from)) return
  yield {
    name: `"${to}" for "${from}"`,
    apply: (value) => (value.includes(from) ? value.replaceAll(from, to) : null),
  }
}
