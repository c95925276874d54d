/** @file Items that go into one basket come near each other in the space. */
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { shuffled } from '../data/order.ts'
import { DataError, requireDifferent, type TrainingData, textOf } from '../examples.ts'
import type { RecipeOf } from '../recipe.ts'
import { measureRetrieval, type RetrievalProbe } from '../retrieval-metric.ts'
import { type Context, runStage } from '../run-stage.ts'
import { contrastiveTask, type PairSource } from './pairs.ts'
import { deltaOf, type Trained } from './trained.ts'

const BASKETS_MIN = 20
const PROBE_MAX = { queries: 300, documents: 6_000 }

export async function tuneForCoPurchase(
  recipe: RecipeOf<'co-purchase'>,
  data: TrainingData,
  base: Checkpoint,
  context: Context,
): Promise<Trained> {
  const places = new Map(data.items.map(({ id }, place) => [id, place]))
  const documents = data.items.map(textOf)
  const baskets = data.baskets
    .map((ids) => [...new Set(ids.flatMap((id) => places.get(id) ?? []))])
    .filter((basket) => basket.length >= 2)
  if (baskets.length < BASKETS_MIN)
    throw new DataError(
      `The recipe "co-purchase" needs at least ${BASKETS_MIN} baskets with two items of the catalogue; there are ${baskets.length}.`,
    )
  requireDifferent(
    baskets.flat().map((place) => documents[place]!),
    'all items in baskets',
  )
  const order = shuffled(baskets.length, recipe.seed, 0)
  const heldOutCount = Math.max(1, Math.floor(baskets.length * recipe.validationShare))
  const heldOut = Array.from(order.subarray(0, heldOutCount), (at) => baskets[at]!)
  const training = Array.from(order.subarray(heldOutCount), (at) => baskets[at]!)
  const probe = basketProbe(heldOut, documents)
  const outcome = await runStage(
    {
      name: 'co-purchase',
      base,
      heads: [],
      settings: recipe.contrastive,
      seed: recipe.seed,
      tasks: [
        contrastiveTask({
          name: 'baskets',
          source: basketPairs(training, documents),
          tokenizer: createWordPiece(base),
          settings: recipe.contrastive,
          weight: 1,
          seed: recipe.seed,
        }),
      ],
      metric: { name: 'MRR@10', of: (model) => measureRetrieval(model, probe, context) },
    },
    context,
  )
  return {
    model: outcome.model,
    delta: deltaOf(base, recipe.contrastive.tuning, outcome),
    metrics: {
      'MRR@10 of the second item of held-out baskets': outcome.best?.metric ?? 0,
      'baskets trained on': training.length,
    },
  }
}

/** Two neighbours of a basket at a time; items of the same basket are not negatives of each other. */
function basketPairs(baskets: readonly (readonly number[])[], documents: readonly string[]): PairSource {
  const texts = baskets.map((basket) => new Set(basket.map((place) => documents[place]!)))
  return {
    count: baskets.length,
    pairOf(example, random) {
      const basket = baskets[example]!
      const at = Math.floor(random() * (basket.length - 1))
      const [first, second] = random() < 0.5 ? [at, at + 1] : [at + 1, at]
      return {
        query: documents[basket[first]!]!,
        document: documents[basket[second]!]!,
        weight: 1,
        negatives: [],
        isRelevant: (document) => texts[example]!.has(document),
      }
    },
  }
}

function basketProbe(baskets: readonly (readonly number[])[], documents: readonly string[]): RetrievalProbe {
  const probed = baskets.slice(0, PROBE_MAX.queries)
  const wanted = [...new Set(probed.flatMap(([first, second]) => [first!, second!]))]
  const places = [...new Set([...wanted, ...documents.keys()])].slice(0, PROBE_MAX.documents)
  return {
    queries: probed.map(([first]) => documents[first!]!),
    documents: places.map((place) => documents[place]!),
    score(query, ranking) {
      const [first, second] = probed[query]!
      const others = ranking.filter((at) => places[at] !== first).slice(0, 10)
      const rank = others.findIndex((at) => places[at] === second)
      return rank === -1 ? 0 : 1 / (rank + 1)
    },
  }
}
