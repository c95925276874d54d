/**
 * @file Learns from labelled pairs whether two records are the same thing, in two stages: boosted trees over what speaks for a
 * pair, then a few small trees over how it stands among its rivals, for which the first stage's scores and the labels of rivals
 * count. Scores of labelled pairs come from trees that have not seen them, so that the threshold is judged honestly; the
 * second stage stays only where it judges better.
 *
 * Source: stacked generalisation, Wolpert 1992.
 */
import { createRandom } from '../../shared/lib/random.ts'
import { contextOf, type PairPlaces, type Rivals, rivalsOf } from '../../shared/quality/match/context.ts'
import type { Corpus } from '../../shared/quality/match/corpus.ts'
import { type Features, featureRow, featuresOf } from '../../shared/quality/match/features.ts'
import { predict } from '../../shared/relevance/trees.ts'
import { mix } from '../train/trainer.ts'
import { type BoostSettings, boostOdds, probabilityOf } from '../train/trees/boost.ts'
import { bestThreshold } from './best-threshold.ts'

/** The label is null where a pair is to be judged. */
export type PairToLearn = PairPlaces & { label: 0 | 1 | null }
export type LearntPairs = {
  /** By pair, 0 to 1. */
  scores: Float64Array
  /** A pair is a match above it. */
  threshold: number
  /** On the labelled pairs, each judged by trees that have not seen it. */
  f1: number
  /** Of the first stage alone. */
  f1First: number
}

/** Pairs of each label that are needed. */
export const LABELS_MIN = 10
const FOLDS = 5
/** Runs with other draws whose mean is the first stage. */
const RUNS = 2
const FIRST: Omit<BoostSettings, 'groupWeight'> = {
  count: 300,
  rate: 0.06,
  leaves: 16,
  leafRowsMin: 1,
  leafWeightMin: 2,
  ridge: 2,
  rowShare: 0.7,
  featureShare: 0.3,
}
const SECOND = { ...FIRST, count: 100, leaves: 6, leafWeightMin: 3, ridge: 5, featureShare: 0.6 }
/** Likenesses whose standing among rivals the first stage looks at. */
const COMPARED = ['wholeCosine', 'titleMean', 'titleInWholeMin', 'titleTrigrams']

/**
 * @param pairs      at least `LABELS_MIN` of either label
 * @param onProgress share of the work done, 0 to 1
 */
export function learnPairs(
  corpus: Corpus,
  pairs: readonly PairToLearn[],
  seed: number,
  onProgress: (share: number) => void = () => {},
): LearntPairs {
  const rivals = rivalsOf(pairs)
  const folds = dealFolds(pairs, seed)
  const steps = (RUNS + 1) * FOLDS
  let done = 0
  const step = () => onProgress(++done / steps)

  const rows = firstRows(corpus, pairs, rivals)
  const runs = Array.from({ length: RUNS }, (_, run) =>
    crossPredict(rows, pairs, folds, FIRST, mix(seed, run), step),
  )
  const first = runs[0]!.map((_, at) => runs.reduce((sum, run) => sum + run[at]! / RUNS, 0))
  const second = crossPredict(
    secondRows(pairs, rivals, folds, first),
    pairs,
    folds,
    SECOND,
    mix(seed, RUNS),
    step,
  )

  const [one, two] = [first, second].map((scores) => ({ scores, ...judge(pairs, scores) }))
  const { scores, threshold, f1 } = two!.f1 > one!.f1 ? two! : one!
  return { scores, threshold, f1, f1First: one!.f1 }
}

function judge(pairs: readonly PairToLearn[], scores: Float64Array) {
  const labelled = [...pairs.keys()].filter((at) => pairs[at]!.label !== null)
  return bestThreshold(
    labelled.map((at) => scores[at]!),
    labelled.map((at) => pairs[at]!.label!),
  )
}

/** By pair; −1 where it has no label. Each fold has its share of either label. */
function dealFolds(pairs: readonly PairToLearn[], seed: number): Int8Array {
  const random = createRandom(seed)
  const folds = new Int8Array(pairs.length).fill(-1)
  for (const wanted of [0, 1]) {
    const drawn = [...pairs.keys()]
      .filter((at) => pairs[at]!.label === wanted)
      .map((at) => ({ at, draw: random() }))
    drawn
      .sort((a, b) => a.draw - b.draw)
      .forEach(({ at }, place) => {
        folds[at] = place % FOLDS
      })
  }
  return folds
}

/** Probabilities; the mean over all folds' trees where a pair has no label. */
function crossPredict(
  rows: readonly Float32Array[],
  pairs: readonly PairToLearn[],
  folds: Int8Array,
  settings: Omit<BoostSettings, 'groupWeight'>,
  seed: number,
  onFold: () => void,
): Float64Array {
  const odds = new Float64Array(rows.length)
  for (let fold = 0; fold < FOLDS; fold++) {
    const seen = [...rows.keys()].filter((at) => folds[at]! >= 0 && folds[at] !== fold)
    const labels = Uint8Array.from(seen, (at) => pairs[at]!.label!)
    const trees = boostOdds(
      seen.map((at) => rows[at]!),
      labels,
      settings,
      mix(seed, fold),
    )
    for (let at = 0; at < rows.length; at++) {
      if (folds[at] === fold) odds[at] = predict(trees, rows[at]!)
      else if (folds[at]! < 0) odds[at]! += predict(trees, rows[at]!) / FOLDS
    }
    onFold()
  }
  return odds.map(probabilityOf)
}

function firstRows(corpus: Corpus, pairs: readonly PairPlaces[], rivals: Rivals): Float32Array[] {
  const features = pairs.map(({ left, right }) =>
    featuresOf(corpus, corpus.left.records[left]!, corpus.right.records[right]!),
  )
  const contexts = COMPARED.map((name) =>
    contextOf(
      rivals,
      features.map((one) => one[name]!),
      name,
    ),
  )
  return rowsOf(
    features.map((one, at) => ({
      ...one,
      ...Object.assign({}, ...contexts.map((context) => context[at]!)),
      ...crowdOf(rivals, at),
    })),
  )
}

function secondRows(
  pairs: readonly PairToLearn[],
  rivals: Rivals,
  folds: Int8Array,
  scores: Float64Array,
): Float32Array[] {
  const context = contextOf(rivals, scores, 'score')
  return rowsOf(
    pairs.map((_, at) => ({
      score: scores[at]!,
      ...context[at]!,
      ...crowdOf(rivals, at),
      ...knownRivals(pairs, folds, rivals.left[at]!, at, 'Left'),
      ...knownRivals(pairs, folds, rivals.right[at]!, at, 'Right'),
      sumLeft: sumOfOthers(rivals.left[at]!, scores, at),
      sumRight: sumOfOthers(rivals.right[at]!, scores, at),
    })),
  )
}

const crowdOf = (rivals: Rivals, at: number): Features => ({
  rivalsLeft: rivals.left[at]!.length,
  rivalsRight: rivals.right[at]!.length,
})

/** Rivals whose label is known: of a pair to learn from, those outside its fold, as a new pair would meet them. */
function knownRivals(
  pairs: readonly PairToLearn[],
  folds: Int8Array,
  group: readonly number[],
  own: number,
  side: string,
): Features {
  const known = group.filter((at) => at !== own && folds[at]! >= 0 && folds[at] !== folds[own])
  return {
    [`known${side}`]: known.length,
    [`matched${side}`]: known.filter((at) => pairs[at]!.label === 1).length,
  }
}

const sumOfOthers = (group: readonly number[], scores: Float64Array, own: number): number =>
  group.reduce((sum, at) => sum + (at === own ? 0 : scores[at]!), 0)

function rowsOf(features: readonly Features[]): Float32Array[] {
  const names = Object.keys(features[0] ?? {})
  return features.map((one) => featureRow(names, one))
}
