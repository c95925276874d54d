/**
 * @file Tune the space to what people searched for and found: judged queries, beside made-up ones so that the model does not
 * forget the rest of the catalogue. Negatives are mined from words alone first, then from the model itself.
 */
import { createRandom } from '../../../shared/lib/random.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { DataError, requireDifferent, type TrainingData, textOf } from '../examples.ts'
import { learnFusion } from '../learn-fusion.ts'
import { mineByWords } from '../mine-negatives.ts'
import { findNearest } from '../nearest.ts'
import type { RecipeOf } from '../recipe.ts'
import { encodeTexts, measureRetrieval, type RetrievalProbe } from '../retrieval-metric.ts'
import { type Context, runStage, type StageOutcome, StageStopped } from '../run-stage.ts'
import { mix } from '../trainer.ts'
import { prepareRephrasing, type Rephrase } from '../translate/back-translate.ts'
import { contrastiveTask, createMadeUpPairs, type PairSource, phrasesOf, withNoise } from './pairs.ts'
import { teachRelevance } from './relevance.ts'
import { deltaOf, type Trained } from './trained.ts'
import { adaptWords } from './words.ts'

const QUERIES_MIN = 10
/** Candidates from which a negative is drawn. */
const MINED_DEPTH = 30
/** The nearest of all are too often relevant and only not judged. */
const MINED_SKIP = 3
/** Documents between two looks at the signal: some seconds of encoding. */
const MINED_AT_ONCE = 2_048
const QUERY_TOKENS_MAX = 16
const PROBE_QUERIES_MAX = 300
const PROBE_DOCUMENTS_MAX = 6_000

/** Relevance in [0, 1] is spread over 0 … 3 for the gain 2^rel − 1. */
const GRADES = 3

/** A query with what was said of it: relevance by place in the list of items, scaled to [0, 1]. */
export type JudgedQuery = { text: string; relevance: ReadonlyMap<number, number> }

export async function tuneForSearch(
  recipe: RecipeOf<'search'>,
  data: TrainingData,
  base: Checkpoint,
  context: Context,
): Promise<Trained> {
  const documents = data.items.map(textOf)
  const { training, validation } = splitQueries(groupJudgments(data), recipe)
  requireDifferent(
    training.flatMap((query) => answersOf(query, recipe).map((place) => documents[place]!)),
    'all items that were judged relevant',
  )
  const probe = judgedProbe(validation, documents)
  const texts = { items: data.items, queries: [...data.queries, ...training.map(({ text }) => text)] }
  const start = await adaptWords(base, texts, recipe.words, recipe.seed, context)
  let model = start
  const tokenizer = createWordPiece(start)
  const rephrase = await prepareRephrasing(
    recipe.backTranslation,
    [...training.map(({ text }) => text), ...(recipe.madeUpWeight > 0 ? phrasesOf(data.items) : [])],
    context,
  )
  const madeUp = recipe.madeUpWeight > 0 ? createMadeUpPairs(data.items, recipe.contrastive, rephrase) : null
  let best: number | null = null
  let outcome: StageOutcome | null = null

  for (let round = 0; round < recipe.rounds; round++) {
    const name = `search-${round + 1}`
    const mined =
      recipe.contrastive.hardNegatives === 0
        ? training.map(() => [])
        : round === 0
          ? mineByWords(
              data.items,
              training.map(({ text }) => text),
              MINED_DEPTH,
            )
          : await mineByModel(model, training, documents, name, context)
    const settings = {
      ...recipe.contrastive,
      steps: Math.ceil(recipe.contrastive.steps / recipe.rounds),
    }
    const seed = mix(recipe.seed, round)
    const task = (name: string, source: PairSource, weight: number, hardNegatives: number) =>
      contrastiveTask({ name, source, tokenizer, settings: { ...settings, hardNegatives }, weight, seed })
    const judged = judgedPairs(training, documents, mined, recipe, rephrase)
    outcome = await runStage(
      {
        name,
        // Few parameters go on where they were, on one base: what is learnt in all rounds is one delta.
        base: outcome?.tuned ? base : model,
        start: outcome?.tuned ?? null,
        heads: [],
        settings,
        seed,
        tasks: [
          task('judged', judged, 1, settings.hardNegatives),
          ...(madeUp ? [task('made-up', madeUp, recipe.madeUpWeight, 0)] : []),
        ],
        metric: { name: 'nDCG@10', of: (candidate) => measureRetrieval(candidate, probe, context) },
      },
      context,
    )
    model = outcome.model
    best = outcome.best?.metric ?? best
  }
  // Of a model that learnt new words the delta alone is of no use: its base is kept nowhere.
  const delta = outcome && start === base ? deltaOf(base, recipe.contrastive.tuning, outcome) : null
  const judgments = ({ relevance }: JudgedQuery) =>
    new Map([...relevance].map(([place, value]) => [data.items[place]!.id, GRADES * value]))
  const fusion = await learnFusion(
    model,
    data.items,
    validation.map((query) => ({ text: query.text, judgments: judgments(query) })),
    { relevantFrom: GRADES * recipe.relevantFrom, ...context },
  )
  // From the model before it saw a judgment: the folds of the relevance stage are to be new to what starts there.
  const relevance = await teachRelevance(data, start, recipe.relevance, recipe.seed, context)
  return {
    model: { ...model, fusion },
    delta: delta && { ...delta, fusion },
    ...(relevance ? { relevance: relevance.model } : {}),
    metrics: {
      ...relevance?.metrics,
      'weight of the vectors beside the words': fusion.vectorWeight,
      'nDCG@10 of held-out queries, vectors alone': best ?? 0,
      'queries trained on': training.length,
      'queries held out': validation.length,
    },
  }
}

export function groupJudgments({ items, judgments }: TrainingData): JudgedQuery[] {
  const places = new Map(items.map(({ id }, place) => [id, place]))
  const most = judgments.reduce((top, { relevance }) => Math.max(top, relevance), 0)
  const queries = new Map<string, Map<number, number>>()
  let unknown = 0
  for (const { query, itemId, relevance } of judgments) {
    const place = places.get(itemId)
    if (place === undefined) {
      unknown++
      continue
    }
    const known = queries.get(query) ?? new Map<number, number>()
    known.set(place, most > 0 ? relevance / most : 0)
    queries.set(query, known)
  }
  if (queries.size < QUERIES_MIN)
    throw new DataError(
      `The recipe "search" needs judgments of at least ${QUERIES_MIN} queries on items of the catalogue; there are ${queries.size}` +
        (unknown > 0 ? ` (${unknown} judgments name items that the catalogue does not have).` : '.'),
    )
  return [...queries].map(([text, relevance]) => ({ text, relevance }))
}

/** By the query itself, so that no query is on both sides, nor changes sides when others are added. */
function splitQueries(queries: readonly JudgedQuery[], recipe: RecipeOf<'search'>) {
  const isHeldOut = ({ text }: JudgedQuery): boolean => {
    let hash = recipe.seed
    for (const character of text.toLowerCase()) hash = mix(hash, character.codePointAt(0)!)
    return createRandom(hash)() < recipe.validationShare
  }
  const validation = queries.filter(isHeldOut)
  const training = queries.filter((query) => !isHeldOut(query))
  const useful = training.filter((query) => answersOf(query, recipe).length > 0)
  if (useful.length === 0 || validation.length === 0)
    throw new DataError(
      'No judged query has a relevant item, or none could be held out; give more judgments.',
    )
  return { training: useful, validation }
}

/** Places of the items that answer a query; one of no relevance never does. */
const answersOf = ({ relevance }: JudgedQuery, { relevantFrom }: RecipeOf<'search'>): number[] =>
  [...relevance].flatMap(([place, value]) => (value > 0 && value >= relevantFrom ? [place] : []))

/** Graded gain; a document that nobody judged has none. */
function judgedProbe(queries: readonly JudgedQuery[], all: readonly string[]): RetrievalProbe {
  const probed = queries.slice(0, PROBE_QUERIES_MAX)
  const judged = [...new Set(probed.flatMap(({ relevance }) => [...relevance.keys()]))]
  const stride = Math.max(1, Math.floor(all.length / Math.max(1, PROBE_DOCUMENTS_MAX - judged.length)))
  const places = [...new Set([...judged, ...Array.from(all.keys()).filter((place) => place % stride === 0)])]
  const gain = (relevance: number) => 2 ** (GRADES * relevance) - 1
  const discounted = (gains: readonly number[]) =>
    gains.slice(0, 10).reduce((sum, value, rank) => sum + value / Math.log2(rank + 2), 0)
  return {
    queries: probed.map(({ text }) => text),
    documents: places.map((place) => all[place]!),
    score(query, ranking) {
      const { relevance } = probed[query]!
      const ideal = discounted([...relevance.values()].map(gain).sort((a, b) => b - a))
      if (ideal === 0) return 0
      return discounted(ranking.map((at) => gain(relevance.get(places[at]!) ?? 0))) / ideal
    },
  }
}

async function mineByModel(
  model: Checkpoint,
  queries: readonly JudgedQuery[],
  documents: readonly string[],
  stage: string,
  context: Context,
): Promise<number[][]> {
  const vectors: Float32Array[] = []
  for (let from = 0; from < documents.length; from += MINED_AT_ONCE) {
    if (context.signal?.aborted) throw new StageStopped(stage, 'stopped', 0)
    const some = await encodeTexts(model, documents.slice(from, from + MINED_AT_ONCE), context)
    for (const vector of some) vectors.push(vector)
  }
  const asked = await encodeTexts(
    model,
    queries.map(({ text }) => text),
    context,
    QUERY_TOKENS_MAX,
  )
  const found = await findNearest(asked, vectors, MINED_SKIP + MINED_DEPTH, context)
  return found.map((places) => places.slice(MINED_SKIP))
}

/** One example per query: one of its relevant items, weighted by how relevant, and mined items that nobody found relevant. */
function judgedPairs(
  queries: readonly JudgedQuery[],
  documents: readonly string[],
  mined: readonly (readonly number[])[],
  recipe: RecipeOf<'search'>,
  rephrase: Rephrase,
): PairSource {
  const { relevantFrom, contrastive } = recipe
  const relevant = queries.map((query) => answersOf(query, recipe))
  const answers = relevant.map((list) => new Set(list.map((place) => documents[place]!)))
  const negatives = queries.map(({ relevance }, at) => [
    ...[...relevance].filter(([, value]) => value < relevantFrom - 0.2).map(([place]) => place),
    ...mined[at]!.filter((place) => !relevance.has(place)),
  ])
  return {
    count: queries.length,
    pairOf(example, random) {
      const list = relevant[example]!
      const place = list[Math.floor(random() * list.length)]!
      const others = negatives[example]!
      return {
        query: withNoise(rephrase(queries[example]!.text, random), contrastive, random),
        document: documents[place]!,
        weight: queries[example]!.relevance.get(place)!,
        negatives: Array.from(
          { length: others.length === 0 ? 0 : contrastive.hardNegatives },
          () => documents[others[Math.floor(random() * others.length)]!]!,
        ),
        isRelevant: (document) => answers[example]!.has(document),
      }
    },
  }
}
