/**
 * @file Finds the words of a text that name one thing (a brand, a colour): a linear-chain conditional random field with the tags
 * outside, begin and inside. Pure; hashed features; what is learnt are whole numbers.
 *
 * Source: Lafferty, McCallum, Pereira, "Conditional random fields", ICML 2001.
 */
import { createAdaptive, toThousandths, WEIGHT_STEPS } from '../learn/adaptive.ts'
import { mixHashes } from '../learn/features.ts'

/** Words from `from` on, up to and without `to`. */
export type Span = { from: number; to: number }
export type Example = { /** Hashed features of each word. */ features: number[][]; spans: Span[] }
/** Thousandths, `CELLS` of them. */
export type Tagger = { weights: number[] }

const CELLS = 1 << 15
const EPOCHS = 5
const DESCENT = { rate: 0.4, decay: 1e-4 }
/** Tags that are as surely right or wrong as this are left alone, which saves most of the work. */
const ERROR_MIN = 0.005
const [OUTSIDE, BEGIN, INSIDE] = [0, 1, 2]
const TAGS = [OUTSIDE, BEGIN, INSIDE] as const
/** Beside features of words, which are hashes of 32 bits: one for each pair of neighbouring tags. */
const PAIR = 0x7a91
const START = OUTSIDE

export function learnTagger(examples: readonly Example[]): Tagger {
  const { weights, push } = createAdaptive(CELLS, DESCENT)
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (const { features, spans } of examples) {
      const tags = tagsOf(features.length, spans)
      const { ofTags, ofPairs } = marginalsOf(weights, 1, features)
      for (let at = 0; at < features.length; at++) {
        for (const tag of [BEGIN, INSIDE]) {
          const error = (tags[at] === tag ? 1 : 0) - ofTags[3 * at + tag]!
          if (Math.abs(error) < ERROR_MIN) continue
          push(
            Uint32Array.from(features[at]!, (feature) => cellOf(feature, tag)),
            error,
          )
        }
        const before = at === 0 ? START : tags[at - 1]!
        for (const from of TAGS)
          for (const to of TAGS) {
            const error = (before === from && tags[at] === to ? 1 : 0) - ofPairs[9 * at + 3 * from + to]!
            if (Math.abs(error) >= ERROR_MIN) push(Uint32Array.of(pairCell(from, to)), error)
          }
      }
    }
  return { weights: toThousandths(weights) }
}

/** Likeliest tags by word, one after the other; with how likely the least likely of its tags is. In the order of the text. */
export function findSpans(
  { weights }: Tagger,
  features: readonly number[][],
): (Span & { probability: number })[] {
  const { ofTags } = marginalsOf(weights, WEIGHT_STEPS, features)
  const tagAt = (at: number): number => {
    const [outside, begin, inside] = ofTags.subarray(3 * at, 3 * at + 3)
    return outside! >= begin! + inside! ? OUTSIDE : begin! >= inside! ? BEGIN : INSIDE
  }
  const spans: (Span & { probability: number })[] = []
  for (let at = 0; at < features.length; at++) {
    const tag = tagAt(at)
    const open = spans.at(-1)
    if (tag === BEGIN) spans.push({ from: at, to: at + 1, probability: ofTags[3 * at + BEGIN]! })
    else if (tag === INSIDE && open?.to === at) {
      open.to = at + 1
      open.probability = Math.min(open.probability, ofTags[3 * at + INSIDE]!)
    }
  }
  for (const span of spans)
    if (span.to < features.length)
      span.probability = Math.min(span.probability, 1 - ofTags[3 * span.to + INSIDE]!)
  return spans
}

function tagsOf(count: number, spans: readonly Span[]): number[] {
  const tags = new Array<number>(count).fill(OUTSIDE)
  for (const { from, to } of spans) for (let at = from; at < to; at++) tags[at] = at === from ? BEGIN : INSIDE
  return tags
}

const cellOf = (feature: number, tag: number): number => mixHashes(feature, tag) & (CELLS - 1)
const pairCell = (from: number, to: number): number => cellOf(PAIR, 3 * from + to)

/**
 * Probabilities of tags f64[words, 3] and of pairs with the tag before f64[words, 3, 3], by the forward and backward sums, each
 * word's scaled to 1 so that no text is too long.
 */
function marginalsOf(weights: ArrayLike<number>, steps: number, features: readonly number[][]) {
  const count = features.length
  const emit = new Float64Array(3 * count)
  for (let at = 0; at < count; at++)
    for (const tag of TAGS) {
      let score = 0
      if (tag !== OUTSIDE) for (const feature of features[at]!) score += weights[cellOf(feature, tag)]!
      emit[3 * at + tag] = Math.exp(Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score / steps)))
    }
  const move = Float64Array.from({ length: 9 }, (_, pair) => {
    const [from, to] = [Math.floor(pair / 3), pair % 3]
    // A name that has not begun cannot go on.
    return from === OUTSIDE && to === INSIDE ? 0 : Math.exp(weights[pairCell(from, to)]! / steps)
  })
  const forward = new Float64Array(3 * count)
  for (let at = 0; at < count; at++) {
    let sum = 0
    for (const to of TAGS) {
      let reach = 0
      if (at === 0) reach = move[3 * START + to]!
      else for (const from of TAGS) reach += forward[3 * (at - 1) + from]! * move[3 * from + to]!
      forward[3 * at + to] = reach * emit[3 * at + to]!
      sum += forward[3 * at + to]!
    }
    for (const to of TAGS) forward[3 * at + to]! /= sum
  }
  const backward = new Float64Array(3 * count).fill(1)
  for (let at = count - 2; at >= 0; at--) {
    let sum = 0
    for (const from of TAGS) {
      let rest = 0
      for (const to of TAGS)
        rest += move[3 * from + to]! * emit[3 * (at + 1) + to]! * backward[3 * (at + 1) + to]!
      backward[3 * at + from] = rest
      sum += rest
    }
    for (const from of TAGS) backward[3 * at + from]! /= sum
  }
  const ofTags = new Float64Array(3 * count)
  const ofPairs = new Float64Array(9 * count)
  for (let at = 0; at < count; at++) {
    normalise(ofTags, 3 * at, 3, (tag) => forward[3 * at + tag]! * backward[3 * at + tag]!)
    normalise(ofPairs, 9 * at, 9, (pair) => {
      const [from, to] = [Math.floor(pair / 3), pair % 3]
      const before = at > 0 ? forward[3 * (at - 1) + from]! : from === START ? 1 : 0
      return before * move[pair]! * emit[3 * at + to]! * backward[3 * at + to]!
    })
  }
  return { ofTags, ofPairs }
}
/** e^30 is sure enough. */
const SCORE_MAX = 30

function normalise(target: Float64Array, from: number, count: number, value: (at: number) => number): void {
  let sum = 0
  for (let at = 0; at < count; at++) {
    target[from + at] = value(at)
    sum += target[from + at]!
  }
  for (let at = 0; at < count; at++) target[from + at]! /= sum
}
