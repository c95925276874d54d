/** @file The ranker's training: lists whose right answer is known, trees, and how many of them help on lists kept aside. */
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { type NextItemQuality, nextItemQuality, rankOf } from '../../shared/metrics/next-item.ts'
import { leafValue, type Trees } from '../../shared/relevance/trees.ts'
import { boostLists } from '../train/trees/boost-lists.ts'
import { type ItemFacts, type List, type ListSettings, makeLists, SOURCE_FEATURES } from './lists.ts'
import type { Source } from './sources.ts'

/** A history of at least one event, and the item that came next. */
export type Example = { history: Uint32Array; next: number }
export type Report = (stage: string, done: number, total: number) => void
export type RankerOptions = {
  seed: number
  /** Rank up to which an answer counts. */
  k: number
  /** Sources that know items without events as well. */
  knowsNew: (name: string) => boolean
  report: Report
}
export type RankerOutcome = {
  trees: Trees
  /** On the examples kept aside, of each source alone and of the ranker. */
  measured: { name: string; quality: NextItemQuality }[]
}

const TREES = { rate: 0.1, leaves: 16, leafRowsMin: 100, ridge: 3, rowShare: 0.5, featureShare: 0.5 }
/** Numbers of trees that are tried. */
const COUNTS = [10, 25, 50, 75, 100, 150]
/** Wrong answers that a list keeps for learning, drawn at random: all of them would say little more. */
const NEGATIVES = 80
/** One example of so many is kept aside for the choice. */
const KEPT_ASIDE = 5
/** Share of the rows that look as if nobody had touched the item, so that new items find their place. */
const NEW_SHARE = 0.05
const BATCH = 64

/** @returns the same for the same arguments */
export async function trainRanker(
  sources: readonly Source[],
  facts: ItemFacts,
  examples: readonly Example[],
  settings: ListSettings,
  { seed, k, knowsNew, report }: RankerOptions,
): Promise<RankerOutcome> {
  const random = createRandom(seed)
  const hide = hider(sources, knowsNew, random)
  const learning = new LearningLists()
  const choosing: { rows: Float32Array[]; right: number }[] = []
  const ranks = sources.map((): number[] => [])
  for (let from = 0; from < examples.length; from += BATCH) {
    report('candidates', from, examples.length)
    const batch = examples.slice(from, from + BATCH)
    const histories = batch.map(({ history }) => history)
    const lists = await makeLists(sources, facts, histories, settings)
    lists.forEach(({ candidates, rows, scores }, at) => {
      const { history, next } = batch[at]!
      const right = candidates.indexOf(next)
      if ((from + at) % KEPT_ASIDE > 0) learning.add(rows, right, random, hide)
      else {
        choosing.push({ rows, right })
        scores.forEach((all, source) => {
          ranks[source]!.push(rankOf(all, next, settings.skipSeen ? history : []))
        })
      }
    })
  }
  const first = learning.boost(COUNTS.at(-1)!, seed, (tree, all) => report('ranker, first', tree, all))
  const { count, quality } = chooseCount(first, choosing, k)
  for (const { rows, right } of choosing) learning.add(rows, right, random, hide)
  const trees = learning.boost(count, seed, (tree, all) => report('ranker, whole', tree, all))
  const alone = sources.map(({ name }, source) => ({ name, quality: nextItemQuality(ranks[source]!, k) }))
  return { trees, measured: [...alone, { name: 'ranked together', quality }] }
}

/** Lists that have their right answer among the candidates, thinned out. */
class LearningLists {
  readonly #rows: Float32Array[] = []
  readonly #starts = [0]
  readonly #right: number[] = []

  add(rows: List['rows'], right: number, random: Random, hide: (row: Float32Array) => Float32Array): void {
    if (right < 0) return
    const share = NEGATIVES / rows.length
    rows.forEach((row, at) => {
      if (at === right) this.#right.push(this.#rows.length)
      if (at === right || random() < share) this.#rows.push(hide(row))
    })
    this.#starts.push(this.#rows.length)
  }

  boost(count: number, seed: number, report: (tree: number, all: number) => void): Trees {
    if (this.#right.length === 0) return { base: 0, trees: [] }
    const lists = { starts: Uint32Array.from(this.#starts), right: Uint32Array.from(this.#right) }
    return boostLists(this.#rows, lists, { ...TREES, count }, seed, report)
  }
}

/** Without text there is nothing to tell new items by: then rows stay as they are. */
function hider(sources: readonly Source[], knowsNew: (name: string) => boolean, random: Random) {
  const hidden = [...sources.keys()].filter((source) => !knowsNew(sources[source]!.name))
  const width = SOURCE_FEATURES.length
  return (row: Float32Array): Float32Array => {
    if (hidden.length === sources.length || random() >= NEW_SHARE) return row
    const copy = row.slice()
    for (const source of hidden) copy.fill(0, source * width, (source + 1) * width)
    return copy
  }
}

/** The number of trees with the highest nDCG. */
function chooseCount(
  { trees }: Trees,
  choosing: readonly { rows: Float32Array[]; right: number }[],
  k: number,
): { count: number; quality: NextItemQuality } {
  const scores = choosing.map(({ rows }) => new Float64Array(rows.length))
  let best = { count: 0, quality: nextItemQuality([], k) }
  let done = 0
  for (const count of COUNTS.filter((one) => one <= trees.length)) {
    choosing.forEach(({ rows }, list) => {
      for (const tree of trees.slice(done, count))
        rows.forEach((row, at) => {
          scores[list]![at]! += leafValue(tree, row)
        })
    })
    done = count
    const ranks = choosing.map(({ right }, list) =>
      right < 0 ? Number.POSITIVE_INFINITY : rankOf(Float32Array.from(scores[list]!), right),
    )
    const quality = nextItemQuality(ranks, k)
    if (quality.ndcg > best.quality.ndcg) best = { count, quality }
  }
  return best
}
