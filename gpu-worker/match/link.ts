/**
 * @file Links two tables that nobody has labelled. Pairs where each record is the other's likest are taken for matches at first,
 * the other candidates for none; trees learn what tells them apart, their scores say anew who is whose likest, and so on. A
 * match is a pair that is the likest on both sides and stands out from what records look like that are none.
 *
 * Source: self-training, Yarowsky, ACL 1995.
 */
import { createRandom } from '../../shared/lib/random.ts'
import type { Candidate } from '../../shared/quality/match/candidates.ts'
import { type Rivals, rivalsOf } from '../../shared/quality/match/context.ts'
import type { Corpus } from '../../shared/quality/match/corpus.ts'
import { featureRow, featuresOf } from '../../shared/quality/match/features.ts'
import { predict } from '../../shared/relevance/trees.ts'
import { mix } from '../train/trainer.ts'
import { boostOdds, probabilityOf } from '../train/trees/boost.ts'

export type Linked = {
  /** By candidate, 0 to 1. */
  scores: Float64Array
  /** Places of the candidates that are matches. */
  matches: number[]
}

const ROUNDS = 2
const FOLDS = 4
/** Share of the mutual best pairs, those that stand out least, from which nothing is learnt. */
const DOUBTFUL_SHARE = 0.3
const TREES = {
  count: 120,
  rate: 0.1,
  leaves: 8,
  leafRowsMin: 1,
  leafWeightMin: 3,
  ridge: 5,
  rowShare: 0.7,
  featureShare: 0.3,
}
/** Place in the order of runners-up below which scores are compared. */
const NULL_QUANTILE = 0.7

export function linkTables(
  corpus: Corpus,
  candidates: readonly Candidate[],
  seed: number,
  onProgress: (share: number) => void = () => {},
): Linked {
  const rivals = rivalsOf(candidates)
  const features = candidates.map(({ left, right }) =>
    featuresOf(corpus, corpus.left.records[left]!, corpus.right.records[right]!),
  )
  const names = Object.keys(features[0] ?? {})
  const rows = features.map((one) => featureRow(names, one))
  let scores = Float64Array.from(candidates, ({ likeness }) => likeness)
  for (let round = 0; round < ROUNDS; round++) {
    scores = learnOnce(rows, rivals, scores, mix(seed, round)) ?? scores
    onProgress((round + 1) / ROUNDS)
  }
  const threshold = separate(corpus, candidates, scores)
  const matches = [...candidates.keys()].filter(
    (at) => scores[at]! >= threshold && isMutualBest(rivals, scores, at),
  )
  return { scores, matches }
}

/** Null where there is nothing to tell apart. */
function learnOnce(
  rows: readonly Float32Array[],
  rivals: Rivals,
  scores: Float64Array,
  seed: number,
): Float64Array<ArrayBuffer> | null {
  const best = [...rows.keys()].filter((at) => isMutualBest(rivals, scores, at))
  const gaps = new Map(best.map((at) => [at, gapOf(rivals, scores, at)]))
  const gapMin = [...gaps.values()].sort((a, b) => a - b)[Math.floor(DOUBTFUL_SHARE * best.length)] ?? 0
  const random = createRandom(seed)
  const folds = rows.map(() => Math.floor(random() * FOLDS))
  const odds = new Float64Array(rows.length)
  for (let fold = 0; fold < FOLDS; fold++) {
    const seen = [...rows.keys()].filter((at) => folds[at] !== fold && (gaps.get(at) ?? gapMin) >= gapMin)
    const labels = Uint8Array.from(seen, (at) => (gaps.has(at) ? 1 : 0))
    const matches = labels.reduce((sum, label) => sum + label, 0)
    if (matches === 0 || matches === labels.length) return null
    const trees = boostOdds(
      seen.map((at) => rows[at]!),
      labels,
      TREES,
      mix(seed, fold),
    )
    rows.forEach((row, at) => {
      if (folds[at] === fold) odds[at] = predict(trees, row)
    })
  }
  return odds.map(probabilityOf)
}

const isMutualBest = (rivals: Rivals, scores: Float64Array, at: number): boolean =>
  gapOf(rivals, scores, at) > 0

/** To the best rival on either side. */
function gapOf(rivals: Rivals, scores: Float64Array, at: number): number {
  let best = 0
  for (const group of [rivals.left[at]!, rivals.right[at]!])
    for (const other of group) if (other !== at) best = Math.max(best, scores[other]!)
  return scores[at]! - best
}

/**
 * The score from which F1 is likely highest. What a record without a counterpart scores at best is what others score second:
 * the share of such records is read off below a score that few matches are under, and with it how many of those above
 * any score are no matches.
 */
function separate(corpus: Corpus, candidates: readonly Candidate[], scores: Float64Array): number {
  const side = corpus.left.records.length <= corpus.right.records.length ? 'left' : 'right'
  const size = corpus[side].records.length
  const [best, second] = [new Float64Array(size), new Float64Array(size)]
  candidates.forEach((candidate, at) => {
    const record = candidate[side]
    const score = scores[at]!
    if (score > best[record]!) {
      second[record] = best[record]!
      best[record] = score
    } else if (score > second[record]!) second[record] = score
  })
  const runnersUp = second.filter((_, record) => best[record]! > 0.5).sort()
  const tops = best.slice().sort()
  if (runnersUp.length === 0) return 0
  const low = runnersUp[Math.floor(NULL_QUANTILE * runnersUp.length)]!
  const alone = Math.min(
    1,
    shareBelow(tops, low) / Math.max(shareBelow(runnersUp, low), 1 / runnersUp.length),
  )
  let chosen = { threshold: 0, f1: 0 }
  for (const threshold of tops) {
    const said = size * (1 - shareBelow(tops, threshold))
    const wrong = Math.min(said, size * alone * (1 - shareBelow(runnersUp, threshold)))
    const f1 = (2 * (said - wrong)) / (said + size * (1 - alone))
    if (f1 > chosen.f1) chosen = { threshold, f1 }
  }
  return chosen.threshold
}

function shareBelow(rising: Float64Array, value: number): number {
  let low = 0
  let high = rising.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (rising[middle]! < value) low = middle + 1
    else high = middle
  }
  return low / Math.max(1, rising.length)
}
