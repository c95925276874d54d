/** @file Chooses how much the vectors may say in hybrid search, by asking for items that are known to be the answer. */
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { combine, vectorMatches } from '../../shared/retrieval/hybrid.ts'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { Fusion } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'

const WEIGHTS = [0, 0.1, 0.2, 0.3, 0.5]
/** What a weight must win over 0 in MRR before it is worth an encoder run for each search. */
const GAIN_MIN = 0.005
/** Standard errors of the paired difference that the gain must exceed: on a few hundred queries less is chance. */
const GAIN_ERRORS_MIN = 2
/** As deep as the edge looks, so that what is chosen here is what happens there. */
const LEXICAL_DEPTH = 1_000
const QUERIES = 200
const TYPO_SHARE = 0.25

export type EncodeQueries = (texts: string[]) => Promise<Float32Array[]>
/** Between queries: `true` stops the validation because a job came. */
export type ShouldStop = () => Promise<boolean>

/**
 * Known-item search: a query is two to four words of an item's title, a quarter of them with a typo; the item is the one
 * answer. The weight with the best MRR@10 wins if its gain over words alone is large enough and not chance; else 0.
 * A model that has learnt its weight from judgments keeps it: those are what people asked for. Null when stopped.
 */
export async function chooseVectorWeight(
  index: Index,
  encode: EncodeQueries,
  shouldStop: ShouldStop = async () => false,
  seed = 1,
): Promise<Fusion | null> {
  const learnt = index.manifest.model.fusion
  if (learnt) return { vectorWeight: learnt.vectorWeight, evidence: { queries: learnt.queries, mrr: [] } }
  const queries = sampleQueries(index, createRandom(seed))
  /** Reciprocal ranks by weight and query. */
  const ranks = WEIGHTS.map((): number[] => [])
  for (const { text, doc } of queries) {
    if (await shouldStop()) return null
    const [vector] = await encode([text])
    const lexical = searchLexical(index, analyseQuery(`${text} `), LEXICAL_DEPTH).matches
    const semantic = vectorMatches(index, vector!, lexical)
    WEIGHTS.forEach((weight, at) => {
      const rank = combine(index, lexical, semantic, weight).findIndex((hit) => hit.doc === doc)
      ranks[at]!.push(rank >= 0 && rank < 10 ? 1 / (rank + 1) : 0)
    })
  }
  const mrr = ranks.map(mean)
  const best = mrr.indexOf(Math.max(...mrr))
  const gains = ranks[best]!.map((rank, query) => rank - ranks[0]![query]!)
  const isGain = mean(gains) >= GAIN_MIN && mean(gains) > GAIN_ERRORS_MIN * standardError(gains)
  return {
    vectorWeight: isGain ? WEIGHTS[best]! : 0,
    evidence: {
      queries: queries.length,
      mrr: WEIGHTS.map((vectorWeight, at) => ({ vectorWeight, mrr: Math.round(mrr[at]! * 1e4) / 1e4 })),
    },
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** Of the mean: s / √n. */
function standardError(values: readonly number[]): number {
  const center = mean(values)
  const variance = mean(values.map((value) => (value - center) ** 2))
  return Math.sqrt(variance / Math.max(1, values.length - 1))
}

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
