/**
 * @file Finds the words of a text that name one thing (a brand, a colour): a linear-chain conditional random field with the tags
 * outside, begin and inside. Pure; hashed features; what is learnt are whole numbers.
 *
 * Source: Lafferty, McCallum, Pereira, "Conditional random fields", ICML 2001.
 */
import { createAdaptive, toThousandths, WEIGHT_STEPS } from '../learn/adaptive.ts'

/** Words from `from` on, up to and without `to`. */
export type Span = { from: number; to: number }
export type Example = { /** Hashed features of each word. */ features: number[][]; spans: Span[] }
/** Thousandths: a cell for each of two tags of `FEATURES` hashed features, then one for each pair of neighbouring tags. */
export type Tagger = { weights: number[] }

const FEATURES = 1 << 14
const CELLS = 2 * FEATURES + 9
const EPOCHS = 5
const DESCENT = { rate: 0.4, decay: 1e-4 }
/** Tags that are as surely right or wrong as this are left alone, which saves most of the work. */
const ERROR_MIN = 0.005
const [OUTSIDE, BEGIN, INSIDE] = [0, 1, 2]
const TAGS = [OUTSIDE, BEGIN, INSIDE] as const
const START = OUTSIDE

export function learnTagger(examples: readonly Example[]): Tagger {
  const { weights, push } = createAdaptive(CELLS, DESCENT)
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (const { features, spans } of examples) {
      const tags = tagsOf(features.length, spans)
      const sums = sumsOf(weights, 1, features)
      const [ofTags, ofPairs] = [tagShares(sums), pairShares(sums)]
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
  const ofTags = tagShares(sumsOf(weights, WEIGHT_STEPS, features))
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

/** Outside has no weights of its own: its score is 0, and the others are told from it. */
const cellOf = (feature: number, tag: number): number => 2 * (feature & (FEATURES - 1)) + tag - 1
const pairCell = (from: number, to: number): number => 2 * FEATURES + 3 * from + to

type Sums = { move: Float64Array; emit: Float64Array; forward: Float64Array; backward: Float64Array }

/**
 * The forward and backward sums f64[words, 3] over all ways to tag, each word's scaled to 1 so that no text is too long, and the
 * factors of tags f64[words, 3] and of pairs f64[3, 3] that they are made of.
 */
function sumsOf(weights: ArrayLike<number>, steps: number, features: readonly number[][]): Sums {
  const count = features.length
  const emit = new Float64Array(3 * count)
  for (let at = 0; at < count; at++) {
    let [begin, inside] = [0, 0]
    for (const feature of features[at]!) {
      const cell = cellOf(feature, BEGIN)
      begin += weights[cell]!
      inside += weights[cell + 1]!
    }
    emit[3 * at] = 1
    emit[3 * at + BEGIN] = factorOf(begin / steps)
    emit[3 * at + INSIDE] = factorOf(inside / steps)
  }
  const move = Float64Array.from({ length: 9 }, (_, pair) =>
    pair === IMPOSSIBLE ? 0 : factorOf(weights[2 * FEATURES + pair]! / steps),
  )
  const forward = new Float64Array(3 * count)
  for (let at = 0; at < count; at++) {
    for (const to of TAGS) {
      let reach = 0
      if (at === 0) reach = move[3 * START + to]!
      else for (const from of TAGS) reach += forward[3 * (at - 1) + from]! * move[3 * from + to]!
      forward[3 * at + to] = reach * emit[3 * at + to]!
    }
    scaleToOne(forward, 3 * at, 3)
  }
  const backward = new Float64Array(3 * count).fill(1)
  for (let at = count - 2; at >= 0; at--) {
    for (const from of TAGS) {
      let rest = 0
      for (const to of TAGS)
        rest += move[3 * from + to]! * emit[3 * (at + 1) + to]! * backward[3 * (at + 1) + to]!
      backward[3 * at + from] = rest
    }
    scaleToOne(backward, 3 * at, 3)
  }
  return { move, emit, forward, backward }
}

/** A name that has not begun cannot go on. */
const IMPOSSIBLE = 3 * OUTSIDE + INSIDE
/** e^30 is sure enough. */
const SCORE_MAX = 30
const factorOf = (score: number): number => Math.exp(Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score)))

/** Probability of each tag of each word, f64[words, 3]. */
function tagShares({ forward, backward }: Sums): Float64Array {
  const shares = forward.map((sum, at) => sum * backward[at]!)
  for (let from = 0; from < shares.length; from += 3) scaleToOne(shares, from, 3)
  return shares
}

/** Probability of each word's tag together with the one before, f64[words, 3, 3]; before the first is `START`. */
function pairShares({ move, emit, forward, backward }: Sums): Float64Array {
  const shares = new Float64Array(3 * forward.length)
  for (let at = 0; 9 * at < shares.length; at++) {
    for (const from of TAGS) {
      const before = at > 0 ? forward[3 * (at - 1) + from]! : from === START ? 1 : 0
      for (const to of TAGS)
        shares[9 * at + 3 * from + to] =
          before * move[3 * from + to]! * emit[3 * at + to]! * backward[3 * at + to]!
    }
    scaleToOne(shares, 9 * at, 9)
  }
  return shares
}

function scaleToOne(values: Float64Array, from: number, count: number): void {
  let sum = 0
  for (let at = from; at < from + count; at++) sum += values[at]!
  for (let at = from; at < from + count; at++) values[at]! /= sum
}
