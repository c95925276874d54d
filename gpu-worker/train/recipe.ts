/**
 * @file What a recipe file says. Every field has a default, so that `{"version": 1, "recipe": "search"}` is whole; unknown
 * fields are refused, so that a typing error is no silent default.
 */
import { z } from 'zod'
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { SYNONYM_GROUPS } from '../../shared/text/synonyms.ts'
import { Tuning } from '../model/tuning.ts'
import { extremesOf, isFixed, Tune, withSettings } from './tune/space.ts'

const share = z.number().min(0).max(1)
const positive = z.number().positive()
const word = z.string().regex(/^\S+$/, 'is not one word').max(64).toLowerCase()

/** How one stage of a recipe is optimised. */
const optimisation = (defaults: { steps: number; rate: number }) => ({
  steps: z.int().min(1).max(1_000_000).default(defaults.steps),
  /** η at its highest. */
  rate: positive.max(1).default(defaults.rate),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('linear'),
  /** Share of the steps in which the rate grows. */
  warmUp: share.default(0.06),
  /** Share of the highest rate at the last step. */
  floor: share.default(0),
  weightDecay: z.number().min(0).max(1).default(0.01),
  /** Largest gradient norm. */
  clipNorm: positive.default(1),
  /** Batches per step. */
  accumulate: z.int().min(1).max(1_024).default(1),
  dropout: z.number().min(0).max(0.9).default(0),
  tuning: Tuning.default({ kind: 'full' }),
  adversarial: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('fgm'), epsilon: positive.default(0.5) }),
      z.strictObject({
        kind: z.literal('pgd'),
        epsilon: positive.default(0.5),
        alpha: positive.default(0.25),
        steps: z.int().min(1).max(10).default(3),
      }),
    ])
    .optional(),
  validateEverySteps: z.int().min(1).default(250),
  /** Validations in a row without a better metric before the stage ends. */
  patience: z.int().min(1).default(1_000_000),
  saveEverySteps: z.int().min(1).default(250),
})
const Contrastive = (defaults: { steps: number; rate: number; pairs: number; hardNegatives: number }) =>
  z.strictObject({
    ...optimisation(defaults),
    /** Queries of a batch. */
    pairs: z.int().min(2).max(4_096).default(defaults.pairs),
    hardNegatives: z.int().min(0).max(16).default(defaults.hardNegatives),
    temperature: positive.default(0.05),
    /** See `emitContrastive`; 2 switches the filter off. */
    margin: z.number().min(0).max(2).default(0.1),
    maxQueryTokens: z.int().min(4).max(512).default(16),
    maxDocumentTokens: z.int().min(8).max(512).default(48),
    /** Share of queries that get a typing error, lose a word, change two, or say one differently. */
    noise: share.default(0.3),
    /** Of these, the share in which a word becomes another of its group. */
    synonymShare: share.default(0.2),
    /** Words that mean the same, in groups. */
    synonyms: z
      .array(z.array(word).min(2).max(100))
      .max(10_000)
      .default(() => SYNONYM_GROUPS.map((group) => [...group])),
  })
const mlm = (defaults: { steps: number; rate: number }) => ({
  ...optimisation(defaults),
  /** Texts × padded length of a batch. */
  batchTokens: z.int().min(64).default(2_048),
  maxTokens: z.int().min(8).max(512).default(64),
})
const Mlm = (defaults: { steps: number; rate: number }) => z.strictObject(mlm(defaults))
const Size = z.strictObject({
  layers: z.int().min(1).max(96).default(4),
  hidden: z.int().min(8).default(256),
  heads: z.int().min(1).default(4),
  intermediate: z.int().min(8).default(1_024),
  positions: z.int().min(8).default(128),
})
const common = {
  version: z.literal(1),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31)
    .default(1),
  /** Settings to be searched for before the model is made; absent takes them as they are. */
  tune: Tune.optional(),
}
const Classify = z.strictObject({
  ...optimisation({ steps: 1_500, rate: 3e-4 }),
  batch: z.int().min(2).max(1_024).default(32),
  maxTokens: z.int().min(8).max(512).default(48),
})

/** How relevant a title is to a query, beside the vectors: see `recipes/relevance.ts`. */
const Relevance = z.strictObject({
  /** graded: when the judgments have three grades or more. */
  when: z.enum(['graded', 'never']).default('graded'),
  /** Parts of the judged queries; for each a cross-encoder learns from the others. */
  folds: z.int().min(2).max(10).default(3),
  crossEncoder: z
    .strictObject({
      ...optimisation({ steps: 1_500, rate: 3e-4 }),
      /** Of the base, the first ones; a deeper one learns the judgments by heart sooner than it learns more from them. */
      layers: z.int().min(1).max(96).default(2),
      /** Share of the error by words alone that it must take away, else it is left out; 1 and -1 leave it out and in. */
      gainMin: z.number().min(-1).max(1).default(0.005),
      batch: z.int().min(2).max(1_024).default(32),
      maxTokens: z.int().min(8).max(512).default(48),
      dropout: z.number().min(0).max(0.9).default(0.1),
    })
    .prefault({}),
  /** Of the boosted trees; see `BoostSettings`. */
  trees: z
    .strictObject({
      count: z.int().min(1).max(10_000).default(600),
      rate: positive.max(1).default(0.035),
      leaves: z.int().min(2).max(1_024).default(24),
      leafRowsMin: z.int().min(1).default(80),
      ridge: z.number().min(0).default(10),
      rowShare: positive.max(1).default(0.7),
      featureShare: positive.max(1).default(0.15),
      groupWeight: z.number().min(0).max(10).default(0.5),
    })
    .prefault({}),
})
export type RelevanceSettings = z.infer<typeof Relevance>

/** Other wordings of queries, by way of another language. Off unless a recipe names a service. */
const BackTranslation = z.strictObject({
  /** Base of an API that speaks OpenAI's chat protocol, e.g. http://localhost:11434/v1 */
  url: z.url({ protocol: /^https?$/ }),
  model: z.string().min(1).max(200),
  /** Environment variable with the key; absent sends none. */
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
    .optional(),
  /** Language of the shop, and the one by way of which its queries come back. */
  from: z.string().min(1).max(50).default('English'),
  language: z.string().min(1).max(50).default('German'),
  /** Share of the queries that have another wording and take it. */
  share: share.default(0.2),
  /** Texts that are translated: judged queries first, then the phrases that most titles share. */
  textsMax: z.int().min(1).max(100_000).default(2_000),
  concurrency: z.int().min(1).max(64).default(4),
  timeoutSeconds: z.number().positive().max(600).default(60),
})
export type BackTranslation = z.infer<typeof BackTranslation>

export const Recipe = z.discriminatedUnion('recipe', [
  /** A model from nothing but the catalogue: vocabulary, masked words, then title ↔ description and made-up queries. */
  z.strictObject({
    ...common,
    recipe: z.literal('pretrain'),
    vocabulary: z.int().min(300).max(100_000).default(8_000),
    size: Size.prefault({}),
    mlm: Mlm({ steps: 4_000, rate: 1e-3 }).prefault({}),
    contrastive: Contrastive({ steps: 4_000, rate: 5e-4, pairs: 48, hardNegatives: 0 }).prefault({}),
    /** Weight of telling the items' categories beside the made-up queries; 0 leaves it out. */
    categoryWeight: z.number().min(0).max(10).default(0),
    backTranslation: BackTranslation.optional(),
  }),
  /** Query ↔ relevant item, from judgments or clicks. */
  z.strictObject({
    ...common,
    recipe: z.literal('search'),
    /** First learns the words of the shop, when the base has more pieces per word of its titles than `fertilityMax`. */
    words: z
      .strictObject({
        ...mlm({ steps: 1_500, rate: 1e-3 }),
        fertilityMax: z.number().min(1).default(1.4),
        vocabulary: z.int().min(300).max(100_000).default(8_000),
      })
      .prefault({}),
    contrastive: Contrastive({ steps: 1_400, rate: 3e-4, pairs: 32, hardNegatives: 1 }).prefault({}),
    /** Mined anew from the current model after each such share of the steps. */
    rounds: z.int().min(1).max(20).default(2),
    /** Weight of made-up queries beside the judged ones; 0 leaves them out. */
    madeUpWeight: z.number().min(0).max(10).default(0.5),
    /** Relevance from which an item answers a query, as a share of the highest in the file. */
    relevantFrom: share.default(0.7),
    validationShare: z.number().min(0.01).max(0.5).default(0.1),
    relevance: Relevance.prefault({}),
    backTranslation: BackTranslation.optional(),
  }),
  /** Items that are bought or viewed together. */
  z.strictObject({
    ...common,
    recipe: z.literal('co-purchase'),
    contrastive: Contrastive({ steps: 2_000, rate: 3e-4, pairs: 32, hardNegatives: 0 }).prefault({}),
    validationShare: z.number().min(0.01).max(0.5).default(0.1),
  }),
  z.strictObject({
    ...common,
    recipe: z.literal('classify-category'),
    training: Classify.prefault({}),
    validationShare: z.number().min(0.01).max(0.5).default(0.1),
  }),
  /** A small model for the edge whose vectors are those of a large one. */
  z.strictObject({
    ...common,
    recipe: z.literal('distil-query-encoder'),
    layers: z.int().min(1).max(2).default(2),
    intermediate: z.int().min(8).default(1_024),
    training: z
      .strictObject({
        ...optimisation({ steps: 2_000, rate: 5e-4 }),
        batch: z.int().min(2).max(1_024).default(64),
        documents: z.int().min(0).max(1_024).default(128),
        temperature: positive.default(0.05),
        vectorShare: share.default(0.5),
        maxTokens: z.int().min(4).max(512).default(16),
      })
      .prefault({}),
  }),
])
export type Recipe = z.infer<typeof Recipe>
export type RecipeOf<K extends Recipe['recipe']> = Extract<Recipe, { recipe: K }>
export type Optimisation = z.infer<z.ZodObject<ReturnType<typeof optimisation>>>
export type MlmSettings = RecipeOf<'pretrain'>['mlm']
export type ContrastiveSettings = RecipeOf<'search'>['contrastive']

export const RECIPES = Recipe.options.map((option) => option.shape.recipe.value)

/** @returns the error names every fault of the file */
export function parseRecipe(value: unknown): Result<Recipe, string> {
  const parsed = Recipe.safeParse(value)
  if (!parsed.success) return err(sentenceOf(parsed.error))
  const faults = spaceFaults(parsed.data)
  return faults.length === 0 ? ok(parsed.data) : err(faults.join('; '))
}

const sentenceOf = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => `${path.join('.') || 'the recipe'}: ${message}`).join('; ')

/** A search must not come upon a value that the recipe cannot have after an hour: the ends of each dimension are tried here. */
function spaceFaults(recipe: Recipe): string[] {
  const faults = extremesOf(recipe.tune?.space ?? {}).flatMap(([path, value]) => {
    if (isFixed(path))
      return `tune.space: "${path}" decides how candidates are compared and cannot be searched for`
    const candidate = withSettings(recipe, { [path]: value })
    if (!candidate) return `tune.space: the recipe has no field "${path}"`
    const parsed = Recipe.safeParse(candidate)
    return parsed.success ? [] : `tune.space: ${sentenceOf(parsed.error)}`
  })
  return [...new Set(faults)]
}
