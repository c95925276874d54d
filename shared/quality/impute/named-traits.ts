/**
 * @file Brand, colour, material and size as a title or else a description names them, learnt from items of the shop that have them: where a known value
 * stands in the text, it is marked, and a tagger learns from the marks (distant supervision) what such a place looks like. So a brand
 * that the shop never had is found by where it stands, and "for HP" is not taken for a brand.
 *
 * A shop that hardly ever says a trait in its titles gets no guesses for it. Titles and descriptions have a calibration each.
 */
import type { Finding, Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import {
  type Calibration,
  calibrate,
  calibrationError,
  fitCalibration,
  type Guess,
} from '../learn/calibration.ts'
import { hashText } from '../learn/features.ts'
import { createReservoir } from '../learn/reservoir.ts'
import { finding } from '../rules.ts'
import { shorten } from '../text.ts'
import { findSpans, learnTagger, type Span, type Tagger } from './tagger.ts'
import { KNOWN_WORDS, TRAITS, type Trait, traitsOf } from './traits.ts'
import { type Word, withMarks, wordFeatures, wordsWithPlaces } from './words.ts'

/** Learnt of one trait. */
type Named = Vocabulary & {
  /** Where the shop keeps it. */
  field: string
  tagger: Tagger
  sources: Record<Source, Calibrated>
}
type Vocabulary = {
  /** Values by their folded words; what the shop writes for them. */
  spellings: Record<string, string>
  /** Words of the longest. */
  valueWordsMax: number
}
type Calibrated = {
  calibration: Calibration
  /** On texts that were not learnt from: guesses, share right, calibration error. */
  heldOut: { guesses: number; precision: number; calibrationError: number }
}
export type NamedTraits = Partial<Record<Trait, Named>>
type Source = 'title' | 'description'
const SOURCES: readonly Source[] = ['title', 'description']
type Sample = { id: string; title: string; description: string; field: string; value: string }

/** What is believed less than this is not said. */
export const CONFIDENCE_MIN = 0.8
const SAMPLES_MAX = 5_000
const DESCRIPTION_CHARS_MAX = 200
/** Titles that name the trait; fewer teach nothing. */
const NAMED_MIN = 30
const VALUES_MAX = 5_000
const VALUE_WORDS_MAX = 6
/** A value that one item has could vouch for itself. */
const VALUE_ITEMS_MIN = 2
const HELD_OUT_OF = 8
const SEED = 22

export const namedTraits: CatalogueRule<NamedTraits> = {
  name: 'named-traits',
  start() {
    const samples = new Map(TRAITS.map((trait) => [trait, createReservoir<Sample>(SAMPLES_MAX, SEED)]))
    return {
      see(item) {
        for (const [trait, { field, value }] of traitsOf(item))
          if (value !== null) samples.get(trait)!.offer({ ...described(item), id: item.id, field, value })
      },
      learn() {
        const learnt: NamedTraits = {}
        for (const trait of TRAITS) {
          const named = learnNamed(trait, samples.get(trait)!.values)
          if (named) learnt[trait] = named
        }
        return learnt
      },
    }
  },
  judge: (learnt: NamedTraits, item: Item): Finding[] => {
    const known = traitsOf(item)
    const missing = new Set(
      TRAITS.filter((trait) => {
        const named = learnt[trait]
        return named !== undefined && !known.has(trait) && !isTaken(item, named.field)
      }),
    )
    const sample = described(item)
    const findings: Finding[] = []
    // Titles tell most, so that the description is read only for what is still missing.
    for (const source of SOURCES) {
      if (missing.size === 0) break
      const text = readText(sample, source)
      for (const trait of missing) {
        const best = believe(learnt[trait]!, text)
        if (best === null) continue
        missing.delete(trait)
        findings.push(finding(`imputed-${trait}`, learnt[trait]!.field, best.value, best))
      }
    }
    return findings
  },
}

const described = ({ title, description }: Item) => ({
  title,
  description: shorten(description, DESCRIPTION_CHARS_MAX),
})

/** An attribute of that name may hold what is no trait, such as yes or no. */
const isTaken = (item: Item, field: string): boolean =>
  field !== 'brand' && Object.hasOwn(item.attributes, field.slice('attributes.'.length))

function believe(named: Named, text: Text): { value: string; confidence: number } | null {
  const best = guess(named, text)
  if (best === null) return null
  const confidence = calibrate(named.sources[text.source].calibration, best.probability)
  return confidence < CONFIDENCE_MIN ? null : { value: best.value, confidence }
}

function learnNamed(trait: Trait, samples: readonly Sample[]): Named | null {
  const heldOut = samples.filter(({ id }) => hashText(`held out ${id}`) % HELD_OUT_OF === 0)
  const rest = samples.filter(({ id }) => hashText(`held out ${id}`) % HELD_OUT_OF !== 0)
  const vocabulary = vocabularyOf(trait, rest)
  const examples = rest.flatMap(({ value, ...sample }) =>
    SOURCES.map((source) => {
      const { words, features } = readText(sample, source)
      return { features: withMarks(features, marksOf(vocabulary, words)), spans: placesOf(value, words) }
    }),
  )
  if (examples.filter(({ spans }) => spans.length > 0).length < NAMED_MIN) return null
  const field = mostFrequent(rest.map((sample) => sample.field))
  const found = { ...vocabulary, tagger: learnTagger(examples) }
  const [title, description] = SOURCES.map((source) =>
    calibrateGuesses(
      heldOut.flatMap(({ value, ...sample }): Guess[] => {
        const best = guess(found, readText(sample, source))
        return best ? [{ probability: best.probability, isRight: isSameValue(best.value, value) }] : []
      }),
    ),
  )
  return { ...found, field, sources: { title: title!, description: description! } }
}

function calibrateGuesses(guesses: readonly Guess[]): Calibrated {
  const calibration = fitCalibration(guesses)
  const calibrated = guesses.map(({ probability, isRight }) => ({
    probability: calibrate(calibration, probability),
    isRight,
  }))
  const precision = guesses.filter(({ isRight }) => isRight).length / Math.max(1, guesses.length)
  return {
    calibration,
    heldOut: { guesses: guesses.length, precision, calibrationError: calibrationError(calibrated) },
  }
}

type Text = { source: Source; text: string; words: Word[]; features: number[][] }

function readText(sample: Pick<Sample, Source>, source: Source): Text {
  const text = sample[source]
  const words = wordsWithPlaces(text)
  return { source, text, words, features: wordFeatures(text, words, source === 'title') }
}

/** The likeliest place of the trait in the text, as the shop writes what stands there. */
function guess(
  { tagger, ...vocabulary }: Vocabulary & { tagger: Tagger },
  { text, words, features }: Text,
): { value: string; probability: number } | null {
  const spans = findSpans(tagger, withMarks(features, marksOf(vocabulary, words)))
  if (spans.length === 0) return null
  const best = spans.reduce((a, b) => (b.probability > a.probability ? b : a))
  const written = text.slice(words[best.from]!.from, words[best.to - 1]!.to)
  return { value: own(vocabulary.spellings, keyOf(words, best)) ?? written, probability: best.probability }
}

const own = (table: Record<string, string>, key: string): string | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined

const keyOf = (words: readonly Word[], { from, to }: Span): string =>
  words
    .slice(from, to)
    .map(({ folded }) => folded)
    .join(' ')
const keyOfValue = (value: string): string => {
  const words = wordsWithPlaces(value)
  return keyOf(words, { from: 0, to: words.length })
}
export const isSameValue = (a: string, b: string): boolean => keyOfValue(a) === keyOfValue(b)

/** Values of two items or more, as most of those write them; words known beforehand where the shop has none of their line. */
function vocabularyOf(trait: Trait, samples: readonly Sample[]): Vocabulary {
  const written = new Map<string, string[]>()
  for (const { value } of samples) {
    const key = keyOfValue(value)
    if (key === '' || key.split(' ').length > VALUE_WORDS_MAX) continue
    const list = written.get(key) ?? []
    list.push(value)
    written.set(key, list)
  }
  const usual = [...written].filter(([, list]) => list.length >= VALUE_ITEMS_MIN)
  usual.sort(([a, first], [b, second]) => second.length - first.length || (a < b ? -1 : 1))
  const spellings = new Map(usual.slice(0, VALUES_MAX).map(([key, list]) => [key, mostFrequent(list)]))
  for (const line of KNOWN_WORDS[trait]) {
    const keys = line.map(keyOfValue)
    const ownWord = keys.map((key) => spellings.get(key)).find((spelling) => spelling !== undefined)
    keys.forEach((key, at) => {
      if (!spellings.has(key)) spellings.set(key, ownWord ?? line[at]!)
    })
  }
  // No prototype is touched: `Object.fromEntries` defines "__proto__" as a member like others.
  return {
    spellings: Object.fromEntries(spellings),
    valueWordsMax: Math.max(0, ...[...spellings.keys()].map((key) => key.split(' ').length)),
  }
}

function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

/** Of each word: 1 where a known value begins, 2 where it goes on, else 0; the longest value counts. */
function marksOf({ spellings, valueWordsMax }: Vocabulary, words: readonly Word[]): (0 | 1 | 2)[] {
  const marks = words.map((): 0 | 1 | 2 => 0)
  for (let from = 0; from < words.length; from++) {
    let [key, end] = ['', from]
    for (let to = from; to < Math.min(words.length, from + valueWordsMax); to++) {
      key = to === from ? words[to]!.folded : `${key} ${words[to]!.folded}`
      if (own(spellings, key) !== undefined) end = to + 1
    }
    if (end === from) continue
    marks.fill(2, from, end)
    marks[from] = 1
    from = end - 1
  }
  return marks
}

/** Where the words of a value stand in the title. */
function placesOf(value: string, words: readonly Word[]): Span[] {
  const sought = wordsWithPlaces(value).map(({ folded }) => folded)
  if (sought.length === 0) return []
  for (let from = 0; from + sought.length <= words.length; from++)
    if (sought.every((word, at) => words[from + at]!.folded === word))
      return [{ from, to: from + sought.length }]
  return []
}
