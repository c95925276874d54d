/** @file The gate: a new model is taken only if it searches the shop's own catalogue at least as well as the live one. */

import { createRandom } from '../../shared/lib/random.ts'
import { bootstrapMean, pairedBootstrap } from '../../shared/metrics/bootstrap.ts'
import { type Judgments, ndcg } from '../../shared/metrics/ranking.ts'
import type { Item } from '../../shared/schema/item.ts'
import type { Comparison } from '../../shared/schema/models.ts'
import { buildOfflineIndex, type OfflineModel, withFusion } from '../evaluation/offline-index.ts'
import { rank } from '../evaluation/search-quality.ts'
import { chooseVectorWeight, sampleQueries } from '../indexing/validate-fusion.ts'
import type { Judgment } from '../train/examples.ts'

/** Fewer judged queries say too little; made-up ones are asked then. */
const JUDGED_QUERIES_MIN = 30
const QUERIES_MAX = 1_000
/** Another seed than the choice of the vectors' weight has, so that no query is asked twice. */
const SEED = 77

type Asked = { text: string; judgments: Judgments }

/**
 * Both models, each with the weight that it would get, on the same queries: judged ones of the shop's own log where there are
 * enough, else words of titles whose item is the one answer.
 */
export async function compareModels(
  items: readonly Item[],
  test: readonly Judgment[],
  candidate: OfflineModel,
  live: OfflineModel,
): Promise<Comparison> {
  const judged = groupByQuery(test).slice(0, QUERIES_MAX)
  const isJudged = judged.length >= JUDGED_QUERIES_MIN
  const ask = async (model: OfflineModel) => {
    const bare = await buildOfflineIndex(items, model)
    const fusion = await chooseVectorWeight(bare, model.encode)
    const index = fusion ? withFusion(bare, fusion) : bare
    const queries: readonly Asked[] = isJudged
      ? judged
      : sampleQueries(index, createRandom(SEED)).map(({ text, doc }) => ({
          text,
          judgments: new Map([[index.id(doc), 1]]),
        }))
    const vectors = await model.encode(queries.map(({ text }) => text))
    return queries.map(
      ({ text, judgments }, at) => ndcg(rank(index, text, vectors[at]!).hybrid, judgments, 10) ?? 0,
    )
  }
  const theirs = await ask(live)
  const ours = await ask(candidate)
  const difference = pairedBootstrap(ours, theirs)
  const isAsked = ours.length > 0
  const accepted = isAsked && difference.mean >= 0
  const metric = isJudged ? 'nDCG@10 of later queries' : 'nDCG@10 of made-up queries'
  const [mine, its] = [ours, theirs].map((scores) => bootstrapMean(scores).mean.toFixed(4))
  const sentence = `${metric}: ${mine} against ${its} of the live model on ${ours.length} queries${accepted ? '' : '; it would make the search worse'}.`
  return {
    metric,
    queries: ours.length,
    candidate: bootstrapMean(ours),
    live: bootstrapMean(theirs),
    difference,
    accepted,
    reason: isAsked
      ? sentence
      : 'The titles of the catalogue are too short to be asked for, and there are no later queries.',
  }
}

function groupByQuery(judgments: readonly Judgment[]): Asked[] {
  const queries = new Map<string, Map<string, number>>()
  for (const { query, itemId, relevance } of judgments) {
    const known = queries.get(query) ?? new Map<string, number>()
    known.set(itemId, relevance)
    queries.set(query, known)
  }
  return [...queries].map(([text, own]) => ({ text, judgments: own }))
}
