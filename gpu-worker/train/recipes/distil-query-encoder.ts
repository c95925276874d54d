/** @file A small model for the edge: for a query it gives the vector that the large one gives, at a fraction of the work. */
import { createRandom } from '../../../shared/lib/random.ts'
import { createWordPiece } from '../../../shared/text/wordpiece.ts'
import type { Checkpoint } from '../../model/checkpoint.ts'
import { BertConfig, parameterSpecs } from '../../model/config.ts'
import { createSeededCheckpoint } from '../../model/seeded.ts'
import { shuffled } from '../data/order.ts'
import { minePhrases, pickWords } from '../data/phrases.ts'
import { createTextBatches } from '../data/text-batches.ts'
import { DataError, type TrainingData, textOf } from '../examples.ts'
import { emitDistillation } from '../objectives/distil.ts'
import type { RecipeOf } from '../recipe.ts'
import { encodeTexts } from '../retrieval-metric.ts'
import { type Context, runStage } from '../run-stage.ts'
import type { Task } from '../trainer.ts'
import { withNoise } from './pairs.ts'
import type { Trained } from './trained.ts'

/** What an isolate can hold and run; a wider model would have to be projected first. */
const HIDDEN_MAX = 256
const QUERIES_PER_ITEM = 3
const HELD_OUT_MAX = 500
const NOISE = { noise: 0.3, synonymShare: 0, synonyms: [] }

export async function distilQueryEncoder(
  recipe: RecipeOf<'distil-query-encoder'>,
  data: TrainingData,
  teacher: Checkpoint,
  context: Context,
): Promise<Trained> {
  if (teacher.config.hidden_size > HIDDEN_MAX)
    throw new DataError(
      `A query encoder has at most ${HIDDEN_MAX} numbers per vector, the model has ${teacher.config.hidden_size}.`,
    )
  if (data.items.length === 0) throw new DataError('The catalogue has no item to compare queries with.')
  const { training: settings, seed } = recipe
  const queries = queriesOf(data, seed)
  const heldOut = queries.slice(0, Math.min(HELD_OUT_MAX, Math.ceil(queries.length / 10)))
  const training = queries.slice(heldOut.length)
  if (training.length < settings.batch)
    throw new DataError(
      `There are ${training.length} queries to learn from, fewer than a batch of ${settings.batch}.`,
    )

  const vectors = await encodeTexts(teacher, training, context, settings.maxTokens)
  const documents = await encodeTexts(teacher, data.items.map(textOf), context)
  const wanted = await encodeTexts(teacher, heldOut, context, settings.maxTokens)
  const tokenizer = createWordPiece(teacher)
  const batchOf = createTextBatches(
    training.map((query) => tokenizer.encode(query, settings.maxTokens)),
    { batch: settings.batch, maxTokens: settings.maxTokens, seed, tokenizer },
  )
  const width = teacher.config.hidden_size
  const stack = (rows: readonly Float32Array[]) => {
    const data = new Float32Array(rows.length * width)
    rows.forEach((row, at) => {
      data.set(row, at * width)
    })
    return { data, dims: [rows.length, width] }
  }
  const documentCount = Math.min(settings.documents, documents.length)
  const task: Task = {
    name: 'distil',
    weight: 1,
    batchAt(draw) {
      const { examples, seq, feeds } = batchOf(draw)
      const random = createRandom(draw + seed)
      const drawn = Array.from(
        { length: documentCount },
        () => documents[Math.floor(random() * documents.length)]!,
      )
      const shape = { batch: settings.batch, seq, documents: documentCount }
      return {
        shape: `distil ${settings.batch}×${seq}`,
        emit: (net) => emitDistillation(net, shape, { ...settings, pooling: 'mean' }),
        feeds: {
          ...feeds,
          vectors: stack(examples.map((at) => vectors[at]!)),
          document_vectors: stack(drawn),
        },
        texts: settings.batch,
      }
    },
  }
  const meanCosine = async (student: Checkpoint): Promise<number> => {
    const found = await encodeTexts(student, heldOut, context, settings.maxTokens)
    const cosines = found.map((vector, at) => vector.reduce((sum, x, i) => sum + x * wanted[at]![i]!, 0))
    return cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length
  }
  const outcome = await runStage(
    {
      name: 'distil-query-encoder',
      base: studentOf(teacher, recipe),
      heads: [],
      settings,
      seed,
      tasks: [task],
      metric: { name: 'cosine', of: async (student) => ({ value: await meanCosine(student) }) },
    },
    context,
  )
  return {
    model: outcome.model,
    delta: null, // its base is made here, out of the teacher and of chance
    metrics: {
      'cosine to the teacher on held-out queries': outcome.best?.metric ?? 0,
      'queries trained on': training.length,
    },
  }
}

/** The teacher's tables and first layers where the shapes agree: a better start than chance. */
function studentOf(
  teacher: Checkpoint,
  { layers, intermediate, seed }: RecipeOf<'distil-query-encoder'>,
): Checkpoint {
  const config = BertConfig.parse({
    ...teacher.config,
    num_hidden_layers: Math.min(layers, teacher.config.num_hidden_layers),
    intermediate_size: intermediate,
  })
  const start = createSeededCheckpoint({
    vocabulary: teacher.vocabulary,
    seed,
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    heads: config.num_attention_heads,
    intermediate,
    positions: config.max_position_embeddings,
    toTrain: true,
  })
  const tensors = new Map(
    parameterSpecs(config).map(({ name, shape }) => {
      const taught = teacher.tensors.get(name)
      return [name, taught && taught.shape.join() === shape.join() ? taught : start.tensors.get(name)!]
    }),
  )
  return { ...teacher, config, tensors, heads: new Map() }
}

/** Real queries where there are some, and made-up ones, in an order drawn by the seed. */
function queriesOf({ items, queries, judgments }: TrainingData, seed: number): string[] {
  const random = createRandom(seed)
  const phrases = minePhrases(items.map(({ title }) => title))
  const madeUp = items.flatMap(({ title }, at) =>
    Array.from({ length: QUERIES_PER_ITEM }, () => {
      const shared = phrases.of(at)
      const phrase = shared[Math.floor(random() * shared.length)]
      return withNoise(phrase && random() < 0.4 ? phrase : pickWords(title, random), NOISE, random)
    }),
  )
  const all = [...new Set([...queries, ...judgments.map(({ query }) => query), ...madeUp])].filter(Boolean)
  return Array.from(shuffled(all.length, seed, 1), (at) => all[at]!)
}
