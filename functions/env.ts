/** @file What the platform hands to the Worker, and the only reader of it: bindings stay as they are, variables are parsed once. */
import { z } from 'zod'
import { type ConsentRule, DAY_MS } from './profile/profile.ts'
import type { StageBudgets } from './ranking/stages.ts'

export type Bindings = {
  DB: D1Database
  BUCKET: R2Bucket
  /** Queue producers; absent where `QUEUE_API_URL` says to send over REST. */
  JOBS?: Queue
  EVENTS?: Queue
  /** Counts for a whole location; absent, each isolate counts for itself. */
  RATE_LIMIT?: RateLimit
  /** Shards of an index too large for one isolate; a small shop does without. */
  SHARDS?: DurableObjectNamespace
  /** Cloudflare's vector engine, for shops that prefer it to the vectors of the segments. */
  VECTORIZE?: Vectorize
  /** Stage times of ranked replies; absent where nothing is to be written. */
  ANALYTICS?: AnalyticsEngineDataset
  PSEUDONYM_SECRET: string
  DYNAMODB_TABLE?: string
  DYNAMODB_ENDPOINT?: string
  AWS_REGION?: string
  AWS_ACCESS_KEY_ID?: string
  AWS_SECRET_ACCESS_KEY?: string
  QUEUE_API_URL?: string
  QUEUE_API_TOKEN?: string
  PAGE_KEY?: string
  SAMPLE_SHOPPERS?: string
  VECTOR_SOURCE?: string
  PROFILE_BUDGET_MS?: string
  PROFILE_DAYS?: string
  PROFILE_CONSENT?: string
  RETRIEVE_BUDGET_MS?: string
  RANK_BUDGET_MS?: string
  DIVERSIFY_BUDGET_MS?: string
}

/** A secret that prints as `[redacted]` wherever it is logged or serialised; `reveal()` gives the value. */
export type Secret = { reveal(): string; toString(): string; toJSON(): string }

export function createSecret(value: string): Secret {
  // Kept in a closure, not in a field: an inspector that walks own properties finds nothing.
  return { reveal: () => value, toString: () => '[redacted]', toJSON: () => '[redacted]' }
}

/** Time that a stage of a ranked reply may take; see `ranking/stages.ts`. */
const budgetMs = (initial: number) => z.coerce.number().positive().max(10_000).default(initial)

const secret = (charsMin: number) => z.string().min(charsMin).transform(createSecret)

export const SampleShopper = z.object({ id: z.string(), name: z.string(), taste: z.string() })
export type SampleShopper = z.infer<typeof SampleShopper>

const Variables = z
  .strictObject({
    /** Key of the HMAC that turns shopper ids into pseudonyms; changing it orphans every profile. */
    PSEUDONYM_SECRET: secret(16),
    DYNAMODB_TABLE: z.string().min(3).default('aisle-profiles'),
    /** Set locally; production finds the endpoint from the region. */
    DYNAMODB_ENDPOINT: z.url().optional(),
    AWS_REGION: z.string().min(1).default('us-east-1'),
    AWS_ACCESS_KEY_ID: secret(1).optional(),
    AWS_SECRET_ACCESS_KEY: secret(1).optional(),
    /** When set, queue messages go to `{url}/accounts/local/queues/{jobs|events}/messages`. */
    QUEUE_API_URL: z.url().optional(),
    QUEUE_API_TOKEN: secret(1).optional(),
    /** Public API key that the page's scripts use; without it the page asks for one. */
    PAGE_KEY: z.string().min(1).optional(),
    /**
     * Where a search without shards finds vectors: those of the segments in memory, inverted lists in R2 once the worker has built
     * them, or Cloudflare Vectorize.
     */
    VECTOR_SOURCE: z.enum(['memory', 'ivf', 'vectorize']).default('memory'),
    SAMPLE_SHOPPERS: z
      .string()
      .transform((text, context) => {
        try {
          return JSON.parse(text) as unknown
        } catch {
          context.addIssue({ code: 'custom', message: 'is not JSON' })
          return z.NEVER
        }
      })
      .pipe(z.array(SampleShopper).max(100))
      .optional(),
    /** For so many days is it remembered what a shopper did; a profile without anything newer expires. */
    PROFILE_DAYS: z.coerce.number().int().min(1).max(732).default(400),
    /** May a shopper be remembered who has not said a word about it? */
    PROFILE_CONSENT: z.enum(['assumed', 'required']).default('assumed'),
    /** Then a shopper is treated as a new one. */
    PROFILE_BUDGET_MS: budgetMs(50),
    /** Then what only vectors would find is left out. */
    RETRIEVE_BUDGET_MS: budgetMs(100),
    /** Then, when it happens again and again, a ranker that is a model is left out for a while. */
    RANK_BUDGET_MS: budgetMs(20),
    /** Then the rest of the list keeps the order of its scores. */
    DIVERSIFY_BUDGET_MS: budgetMs(20),
  })
  .refine((vars) => vars.QUEUE_API_URL === undefined || vars.QUEUE_API_TOKEN !== undefined, {
    path: ['QUEUE_API_TOKEN'],
    message: 'is needed when QUEUE_API_URL is set',
  })
  .refine((vars) => (vars.AWS_ACCESS_KEY_ID === undefined) === (vars.AWS_SECRET_ACCESS_KEY === undefined), {
    path: ['AWS_SECRET_ACCESS_KEY'],
    message: 'goes together with AWS_ACCESS_KEY_ID',
  })

export type Config = {
  pseudonymSecret: Secret
  dynamo: {
    table: string
    endpoint: string | undefined
    region: string
    accessKeyId: Secret | undefined
    secretAccessKey: Secret | undefined
  }
  /** Null: the queue producer bindings are used. */
  queueApi: { url: string; token: Secret } | null
  pageKey: string | null
  vectorSource: 'memory' | 'ivf' | 'vectorize'
  sampleShoppers: SampleShopper[]
  profileKeepMs: number
  consentRule: ConsentRule
  budgetsMs: StageBudgets
}

/**
 * Check all variables at once. Throws one Error that names every fault (never a value): a Worker with a wrong
 * configuration answers nothing instead of answering half. Unknown variables are refused, they are mostly typing errors.
 */
export function parseConfig(env: Bindings): Config {
  // Names with two underscores in front are the platform's own (and the test runner's).
  const texts = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => typeof value === 'string' && !name.startsWith('__')),
  )
  const parsed = Variables.safeParse(texts)
  const faults = (parsed.error?.issues ?? []).map(
    (issue) => `${issue.path.join('.') || 'variables'}: ${issue.message}`,
  )
  if (parsed.data?.VECTOR_SOURCE === 'vectorize' && !env.VECTORIZE)
    faults.push('VECTOR_SOURCE: vectorize needs the binding VECTORIZE')
  if (!parsed.success || faults.length > 0) {
    throw new Error(`Configuration: ${faults.join('; ')}`)
  }
  const vars = parsed.data
  return {
    pseudonymSecret: vars.PSEUDONYM_SECRET,
    dynamo: {
      table: vars.DYNAMODB_TABLE,
      endpoint: vars.DYNAMODB_ENDPOINT,
      region: vars.AWS_REGION,
      accessKeyId: vars.AWS_ACCESS_KEY_ID,
      secretAccessKey: vars.AWS_SECRET_ACCESS_KEY,
    },
    queueApi:
      vars.QUEUE_API_URL !== undefined && vars.QUEUE_API_TOKEN !== undefined
        ? { url: vars.QUEUE_API_URL, token: vars.QUEUE_API_TOKEN }
        : null,
    pageKey: vars.PAGE_KEY ?? null,
    vectorSource: vars.VECTOR_SOURCE,
    sampleShoppers: vars.SAMPLE_SHOPPERS ?? [],
    profileKeepMs: vars.PROFILE_DAYS * DAY_MS,
    consentRule: vars.PROFILE_CONSENT,
    budgetsMs: {
      profile: vars.PROFILE_BUDGET_MS,
      retrieve: vars.RETRIEVE_BUDGET_MS,
      rank: vars.RANK_BUDGET_MS,
      diversify: vars.DIVERSIFY_BUDGET_MS,
    },
  }
}
