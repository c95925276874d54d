/** @file How much the vectors of a tuned model may say beside the words, on judged queries that it was not trained on. */
import { type Judgments, ndcg, recall } from '../../shared/metrics/ranking.ts'
import { takeBest } from '../../shared/retrieval/fusion.ts'
import { combine, hasNumber, vectorMatches } from '../../shared/retrieval/hybrid.ts'
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { Item } from '../../shared/schema/item.ts'
import type { LearntFusion } from '../../shared/schema/manifest.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import { createEncoder, precisionFor } from '../encode/encoder.ts'
import { buildOfflineIndex } from '../evaluation/offline-index.ts'
import { bestWeight } from '../indexing/best-weight.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import type { Computing } from '../runtime/session.ts'
import type { TrainingItem } from './examples.ts'

const WEIGHTS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
/**
 * See `bestWeight`. One is enough for a model that has learnt from judgments: it is expected to help, and queries with
 * numbers, a quarter of all, would else need thousands of judged ones to show it.
 */
const ERRORS = 1
/** As deep as the edge looks. */
const LEXICAL_DEPTH = 1_000
const DEPTH = 100
const QUERIES_MAX = 1_000
const TOKENS_MAX = 64

/** Training looks at the texts of items only; the index wants the rest. */
const whole = (item: TrainingItem): Item => ({
  ...{ price: null, currency: null, stock: null, attributes: {}, image: '', url: '' },
  ...item,
})

/**
 * The weights that are best for the search that shoppers get, if the gain over words alone is more than chance; else 0. Judged
 * by the mean of nDCG@10 and recall@100: people judged what words had found, so that the first page alone would say that
 * nothing else is worth finding.
 *
 * @param queries      what is relevant to each, by item id
 * @param relevantFrom relevance from which an item answers a query
 */
export async function learnFusion(
  model: Checkpoint,
  items: readonly TrainingItem[],
  queries: readonly { text: string; judgments: Judgments }[],
  { relevantFrom, threads, provider = 'cpu' }: Computing & { relevantFrom: number },
): Promise<LearntFusion> {
  const asked = queries.slice(0, QUERIES_MAX)
  const encoder = await createEncoder({
    checkpoint: model,
    precision: precisionFor(provider),
    maxTokens: Math.min(TOKENS_MAX, model.config.max_position_embeddings),
    ...{ threads, provider },
  })
  try {
    const index = await buildOfflineIndex(items.map(whole), {
      dim: encoder.dim,
      trained: true,
      encode: (texts) => encoder.encode(texts),
    })
    const vectors = await encoder.encode(asked.map(({ text }) => text))
    /** By weight and query. */
    const words = WEIGHTS.map((): number[] => [])
    const numbers = WEIGHTS.map((): number[] => [])
    asked.forEach(({ text, judgments }, at) => {
      const lexical = searchLexical(index, analyseQuery(`${text} `), LEXICAL_DEPTH).matches
      const near = vectorMatches(index, vectors[at]!, lexical)
      const relevant = new Set([...judgments].flatMap(([id, grade]) => (grade >= relevantFrom ? [id] : [])))
      const scores = hasNumber(text) ? numbers : words
      WEIGHTS.forEach((weight, row) => {
        const ranking = takeBest(combine(index, lexical, near, weight), DEPTH)
        const ids = ranking.map(({ doc }) => index.id(doc))
        scores[row]!.push(((ndcg(ids, judgments, 10) ?? 0) + (recall(ids, relevant, DEPTH) ?? 0)) / 2)
      })
    })
    return {
      vectorWeight: bestWeight(WEIGHTS, words, ERRORS),
      numberWeight: bestWeight(WEIGHTS, numbers, ERRORS),
      queries: asked.length,
    }
  } finally {
    await encoder.close()
  }
}
