/**
 * @file How relevant a title is to a query, learnt from graded judgments: trees over features of words, with a cross-encoder
 * that has learnt what the words leave over.
 *
 * A score that is to be a feature must not come from what has seen its judgment. The queries are dealt to folds; trees and a
 * cross-encoder of the other folds score each fold, and the last trees learn on those scores. For new pairs the feature is
 * the mean of the cross-encoders. They are kept only where they say enough of what words do not: a small model without a
 * world's reading often does not. Source: stacked generalisation, Wolpert 1992.
 */

import { createRandom } from '../../../shared/lib/random.ts'
import { pairAccuracy, rootMeanSquareError } from '../../../shared/metrics/agreement.ts'
import { createCatalogue } from '../../../shared/relevance/catalogue.ts'
import { FEATURES, featureRows, type Pair } from '../../../shared/relevance/features.ts'
import { CROSS_ENCODER } from '../../../shared/relevance/head.ts'
import { PAIR_TYPES } from '../../../shared/relevance/pair-types.ts'
import { predict, type Trees } from '../../../shared/relevance/trees.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import { createCrossEncoder } from '../../encode/cross-encoder.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { EMBEDDINGS } from '../../model/config.ts'
import { classifierSpecs } from '../../model/heads.ts'
import { firstLayers, pruneLayers } from '../../model/prune.ts'
import type { RelevanceModel } from '../../model/relevance.ts'
import { createPairTask } from '../data/pair-task.ts'
import type { TrainingData } from '../examples.ts'
import type { RelevanceSettings } from '../recipe.ts'
import { type Context, runStage, StageStopped } from '../run-stage.ts'
import { mix } from '../trainer.ts'
import { boost } from '../trees/boost.ts'

/** Fewer steps between the lowest and the highest say who answers, but not how well. */
const GRADES_MIN = 3
const QUERIES_PER_FOLD_MIN = 5
/** Titles that the features look at; of more, every n-th. */
const TITLES_MAX = 100_000

export type TaughtRelevance = { model: RelevanceModel; metrics: Record<string, number> }

type Judged = Pair & { relevance: number; fold: number; group: number }

/**
 * Null where the judgments have no grades, or are too few to learn from.
 *
 * @param base a model that has seen none of the judgments
 */
export async function teachRelevance(
  data: TrainingData,
  base: Checkpoint,
  settings: RelevanceSettings,
  seed: number,
  context: Context,
): Promise<TaughtRelevance | null> {
  if (settings.when === 'never') return null
  const judged = dealPairs(data, settings.folds, seed)
  const grades = new Set(judged.map(({ relevance }) => relevance))
  const queries = judged.reduce((most, { group }) => Math.max(most, group + 1), 0)
  const isEnough = grades.size >= GRADES_MIN && queries >= QUERIES_PER_FOLD_MIN * settings.folds
  context.journal.note({ event: 'relevance', pairs: judged.length, queries, grades: grades.size, isEnough })
  if (!isEnough) return null
  // What follows is a minute's work before the first look at the signal.
  if (context.signal?.aborted) throw new StageStopped('relevance', 'stopped', 0)

  const stride = Math.ceil(data.items.length / TITLES_MAX)
  const titles = data.items.filter((_, at) => at % stride === 0).map(({ title }) => title)
  const rows = featureRows(createCatalogue(titles), judged, FEATURES)
  const learn = (of: readonly Float32Array[], at: readonly number[], stream: number): Trees =>
    boost(
      at.map((row) => of[row]!),
      Float32Array.from(at, (row) => judged[row]!.relevance),
      Uint32Array.from(at, (row) => judged[row]!.group),
      settings.trees,
      mix(seed, stream),
    )
  /** By row, said by trees of the other folds. */
  const crossPredict = (of: readonly Float32Array[]): Float32Array => {
    const said = new Float32Array(judged.length)
    for (let fold = 0; fold < settings.folds; fold++) {
      const trees = learn(
        of,
        rowsOf(judged, (one) => one.fold !== fold),
        fold,
      )
      for (const row of rowsOf(judged, (one) => one.fold === fold)) said[row] = predict(trees, of[row]!)
    }
    return said
  }

  const byWords = crossPredict(rows)
  const { crossEncoders, scores } = await crossEncode(base, judged, byWords, settings, seed, context)
  const whole = rows.map((row, at) => Float32Array.from([...row, scores[at]!]))
  const byBoth = crossPredict(whole)
  const relevances = judged.map(({ relevance }) => relevance)
  const errorOf = (said: Float32Array) => rootMeanSquareError(said, relevances)
  const isHelped = errorOf(byBoth) <= (1 - settings.crossEncoder.gainMin) * errorOf(byWords)
  const kept = isHelped ? crossEncoders : []
  return {
    model: {
      head: {
        version: 1,
        features: isHelped ? [...FEATURES, CROSS_ENCODER] : [...FEATURES],
        crossEncoders: kept.length,
        maxTokens: settings.crossEncoder.maxTokens,
        lowest: Math.min(...grades),
        highest: Math.max(...grades),
        trees: learn(isHelped ? whole : rows, [...judged.keys()], settings.folds),
      },
      titles,
      crossEncoders: kept,
    },
    metrics: {
      'pair accuracy by words, cross-validated': accuracyOf(judged, byWords),
      'RMSE by words, cross-validated': errorOf(byWords),
      'pair accuracy with cross-encoders, cross-validated': accuracyOf(judged, byBoth),
      'RMSE with cross-encoders, cross-validated': errorOf(byBoth),
      'cross-encoders kept': kept.length,
    },
  }
}

/** Judgments on items of the catalogue; all pairs of a query are in one fold, whichever other queries there are. */
function dealPairs({ items, judgments }: TrainingData, folds: number, seed: number): Judged[] {
  const titles = new Map(items.map(({ id, title }) => [id, title]))
  const groups = new Map<string, number>()
  return judgments.flatMap(({ query, itemId, relevance }) => {
    const title = titles.get(itemId)
    if (title === undefined) return []
    const group = groups.get(query) ?? groups.size
    groups.set(query, group)
    return [{ query, title, relevance, group, fold: foldOf(query, folds, seed) }]
  })
}

function foldOf(query: string, folds: number, seed: number): number {
  let hash = seed
  for (const character of query.toLowerCase()) hash = mix(hash, character.codePointAt(0)!)
  return Math.floor(createRandom(hash)() * folds)
}

const rowsOf = (judged: readonly Judged[], isIn: (one: Judged) => boolean): number[] =>
  [...judged.keys()].filter((row) => isIn(judged[row]!))

const accuracyOf = (judged: readonly Judged[], scores: Float32Array): number =>
  pairAccuracy(
    judged.map(({ query }) => query),
    scores,
    judged.map(({ relevance }) => relevance),
  ).accuracy ?? 0

/** One cross-encoder for each fold, and what it says of the fold that it has not seen, in units of the spread of what is left. */
async function crossEncode(
  base: Checkpoint,
  judged: readonly Judged[],
  byWords: Float32Array,
  { crossEncoder: settings, folds }: RelevanceSettings,
  seed: number,
  context: Context,
): Promise<{ crossEncoders: Checkpoint[]; scores: Float32Array }> {
  const spread =
    rootMeanSquareError(
      byWords,
      judged.map(({ relevance }) => relevance),
    ) || 1
  const left = byWords.map((said, row) => (judged[row]!.relevance - said) / spread)
  const layers = Math.min(settings.layers, base.config.num_hidden_layers)
  const start = withPairTypes(pruneLayers(base, firstLayers(layers)))
  const tokenizer = createWordPiece(start)
  const { batch, maxTokens } = settings
  const pairs = judged.map(({ query, title }) => tokenizer.encodePair(query, title, maxTokens))
  const crossEncoders: Checkpoint[] = []
  const scores = new Float32Array(judged.length)
  for (let fold = 0; fold < folds; fold++) {
    const training = rowsOf(judged, (one) => one.fold !== fold)
    const task = createPairTask({
      pairs: training.map((row) => pairs[row]!),
      targets: Float32Array.from(training, (row) => left[row]!),
      ...{ tokenizer, batch, maxTokens, seed: mix(seed, fold) },
    })
    const { model } = await runStage(
      {
        name: `relevance-${fold + 1}`,
        base: start,
        heads: classifierSpecs(start.config, 1),
        settings,
        seed: mix(seed, fold),
        tasks: [task],
      },
      context,
    )
    crossEncoders.push(model)
    const others = rowsOf(judged, (one) => one.fold === fold)
    const encoder = await createCrossEncoder(model, { maxTokens, threads: context.threads })
    try {
      const said = await encoder.score(others.map((row) => judged[row]!))
      others.forEach((row, at) => {
        scores[row] = said[at]!
      })
    } finally {
      await encoder.close()
    }
  }
  return { crossEncoders, scores }
}

/** The same model with as many token types as a pair has; those that are new start from BERT's own of their side. */
function withPairTypes(base: Checkpoint): Checkpoint {
  const { shape, data } = base.tensors.get(EMBEDDINGS.types)!
  const [rows, width] = shape as [number, number]
  const table = new Float32Array(PAIR_TYPES * width)
  for (let type = 0; type < PAIR_TYPES; type++) {
    const from = type < rows ? type : type % Math.min(2, rows)
    table.set(data.subarray(from * width, (from + 1) * width), type * width)
  }
  const types = { shape: [PAIR_TYPES, width], data: table }
  return {
    ...base,
    config: { ...base.config, type_vocab_size: PAIR_TYPES },
    tensors: new Map(
      [...base.tensors].map(([name, tensor]) => [name, name === EMBEDDINGS.types ? types : tensor]),
    ),
    heads: new Map(),
  }
}
