/** @file Chooses how much the vectors may say in hybrid search, by asking for items that are known to be the answer. */
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { takeBest } from '../../shared/retrieval/fusion.ts'
import { combine, hasNumber, vectorMatches } from '../../shared/retrieval/hybrid.ts'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { vectorOf } from '../../shared/retrieval/vector.ts'
import type { Fusion } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { dot } from '../../shared/vector/dot.ts'
import { bestWeight, mean } from './best-weight.ts'

const WEIGHTS = [0, 0.1, 0.15, 0.2, 0.3, 0.5]
/** As deep as the edge looks, so that what is chosen here is what happens there. */
const LEXICAL_DEPTH = 1_000
const QUERIES = 600
/**
 * See `bestWeight`. A trained model may speak where it seems to help; one that has learnt nothing has to prove it, and so has
 * any model where a number was asked for.
 */
const ERRORS = { trained: 1, untrained: 2, numbers: 3 }
const TYPO_SHARE = 0.25
/** An item that no word found is shown when it is as near as all but this share of the known answers. */
const FAR_SHARE = 0.25

export type EncodeQueries = (texts: string[]) => Promise<Float32Array[]>
/** Between queries: `true` stops the validation because a job came. */
export type ShouldStop = () => Promise<boolean>

/**
 * Known-item search: a query is two to four words of an item's title, a quarter of them with a typo; the item is the one
 * answer. The weight with the best MRR@10 wins if its gain over words alone is large enough, else 0. Queries with a number
 * have a weight of their own. A model that has learnt its weights from judgments keeps them: those are what
 * people asked for. Null when stopped.
 */
export async function chooseVectorWeight(
  index: Index,
  encode: EncodeQueries,
  shouldStop: ShouldStop = async () => false,
  seed = 1,
): Promise<Fusion | null> {
  const learnt = index.manifest.model.fusion
  if (learnt) {
    const { queries, ...weights } = learnt
    return { ...weights, evidence: { queries, mrr: [] } }
  }
  const queries: { text: string; doc: number; vector: Float32Array }[] = []
  for (const { text, doc } of sampleQueries(index, createRandom(seed))) {
    if (await shouldStop()) return null
    const [vector] = await encode([text])
    queries.push({ text, doc, vector: vector! })
  }
  const cosines = queries.map(({ vector, doc }) => cosine(vector, vectorOf(index, doc)))
  const floor = cosines.length > 0 ? { nearMin: quantile(cosines, FAR_SHARE) } : {}
  // Judged under the floor that goes with them, not under that of the index as it is.
  const { manifest } = index
  const judged = { manifest: { ...manifest, fusion: { ...manifest.fusion, ...floor } } }
  /** Reciprocal ranks by weight and query. */
  const words = WEIGHTS.map((): number[] => [])
  const numbers = WEIGHTS.map((): number[] => [])
  for (const { text, doc, vector } of queries) {
    if (await shouldStop()) return null
    const lexical = searchLexical(index, analyseQuery(`${text} `), LEXICAL_DEPTH).matches
    const semantic = vectorMatches(index, vector, lexical)
    const ranks = hasNumber(text) ? numbers : words
    WEIGHTS.forEach((weight, at) => {
      const best = takeBest(combine(judged, lexical, semantic, weight), 10)
      const rank = best.findIndex((hit) => hit.doc === doc)
      ranks[at]!.push(rank >= 0 ? 1 / (rank + 1) : 0)
    })
  }
  return {
    vectorWeight: bestWeight(
      WEIGHTS,
      words,
      index.manifest.model.trained ? ERRORS.trained : ERRORS.untrained,
    ),
    numberWeight: bestWeight(WEIGHTS, numbers, ERRORS.numbers),
    ...floor,
    evidence: {
      queries: queries.length,
      mrr: WEIGHTS.map((vectorWeight, at) => ({
        vectorWeight,
        mrr: Math.round(mean([...words[at]!, ...numbers[at]!]) * 1e4) / 1e4,
      })),
    },
  }
}

/** Of unit vectors; 0 without one. */
const cosine = (a: Float32Array, b: Float32Array | null): number => (b ? dot(a, b) : 0)

const quantile = (values: readonly number[], share: number): number =>
  Math.min(1, values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]!)

/** Two to four words of titles, a quarter with a typing error, and the item that they come from. */
export function sampleQueries(index: Index, random: Random): { text: string; doc: number }[] {
  const live = Array.from({ length: index.docCount }, (_, doc) => doc).filter((doc) => index.live[doc] === 1)
  const queries: { text: string; doc: number }[] = []
  for (let i = 0; i < Math.min(QUERIES, live.length); i++) {
    const doc = live[Math.floor(random() * live.length)]!
    const words = index
      .title(doc)
      .split(/\s+/)
      .filter((word) => word.length > 1)
    const length = Math.min(words.length, 2 + Math.floor(random() * 3))
    const from = Math.floor(random() * (words.length - length + 1))
    const text = words.slice(from, from + length).join(' ')
    if (text !== '') queries.push({ text: random() < TYPO_SHARE ? withTypo(text, random) : text, doc })
  }
  return queries
}

/** Two neighbouring characters swapped. */
function withTypo(text: string, random: Random): string {
  const characters = [...text]
  if (characters.length < 4) return text
  const at = 1 + Math.floor(random() * (characters.length - 2))
  return characters
    .with(at, characters[at - 1]!)
    .with(at - 1, characters[at]!)
    .join('')
}
