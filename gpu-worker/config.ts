/** @file The only reader of the worker's environment. All faults are reported together; secrets never print. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { err, ok, type Result } from '../shared/lib/result.ts'

/** A value that logs as `[redacted]`. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return '[redacted]'
  }
  toJSON(): string {
    return '[redacted]'
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[redacted]'
  }
}

const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value))
const integer = (low: number, high: number) => z.coerce.number().int().min(low).max(high)

/** The model that every new shop starts with; see its MODEL_CARD.md. */
export const SHIPPED_MODEL_DIR = fileURLToPath(new URL('./shipped-model', import.meta.url))
/** In place of a folder. */
export const SEEDED_MODEL = 'seeded'

const Environment = z
  .strictObject({
    /** Base of Cloudflare's API, or the local queue server. */
    QUEUE_API_URL: z.url().default('https://api.cloudflare.com/client/v4'),
    QUEUE_ACCOUNT: z.string().min(1),
    QUEUE_NAME: z.string().min(1).default('jobs'),
    QUEUE_API_TOKEN: secret,
    /** A Vectorize index that gets every vector as well; for an edge with VECTOR_SOURCE=vectorize. */
    VECTORIZE_INDEX: z.string().min(1).optional(),
    VECTORIZE_API_TOKEN: secret.optional(),
    S3_ENDPOINT: z.url(),
    S3_BUCKET: z.string().min(1).default('aisle'),
    S3_ACCESS_KEY_ID: z.string().min(1),
    S3_SECRET_ACCESS_KEY: secret,
    /** Folder of the first model, in Hugging Face's layout. `seeded` makes an untrained one of the shop's own words. */
    MODEL_DIR: z.string().min(1).default(SHIPPED_MODEL_DIR),
    /** Pause between pulls of an empty queue. Each pull is a billed operation. */
    POLL_MS: integer(20, 600_000).default(2_000),
    /** How long a job may take before others get its messages. */
    LEASE_SECONDS: integer(2, 43_200).default(120),
    /** Port of /healthz; 0 takes any free one. */
    HEALTH_PORT: integer(0, 65_535).default(8080),
    ENCODER_THREADS: integer(1, 256).default(2),
    /** Where a provider does not start (no card, no libraries), the worker says so and uses the CPU; auto takes the fastest. */
    ENCODER_PROVIDER: z.enum(['cpu', 'cuda', 'webgpu', 'auto']).default('cpu'),
    /** Folder for the states of training runs: a worker that comes back to the same one goes on where it was. */
    TRAIN_DIR: z.string().min(1).default(join(tmpdir(), 'aisle-train')),
    /** Threads that training takes beside the live index. */
    TRAIN_THREADS: integer(1, 256).default(2),
    TRAIN_PROVIDER: z.enum(['cpu', 'cuda', 'webgpu', 'auto']).default('cpu'),
    /** Default: what suits the provider, see `precisionFor`. */
    ENCODER_PRECISION: z.enum(['fp32', 'fp16', 'int8']).optional(),
  })
  .refine((vars) => vars.VECTORIZE_INDEX === undefined || vars.VECTORIZE_API_TOKEN !== undefined, {
    path: ['VECTORIZE_API_TOKEN'],
    message: 'is needed when VECTORIZE_INDEX is set',
  })

export type Config = z.infer<typeof Environment> & { drain: boolean }

const PREFIXES = /^(QUEUE|VECTORIZE|S3|MODEL|POLL|LEASE|HEALTH|ENCODER|TRAIN)_/

/** @returns the error is one text that names every fault */
export function readConfig(
  env: Record<string, string | undefined>,
  args: readonly string[],
): Result<Config, string> {
  const ours = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => PREFIXES.test(name) && value !== undefined && value !== ''),
  )
  const unknownArgs = args.filter((arg) => arg !== '--drain')
  const parsed = Environment.safeParse(ours)
  const faults = [
    ...unknownArgs.map((arg) => `unknown argument "${arg}" (known: --drain)`),
    ...(parsed.success
      ? []
      : parsed.error.issues.map((issue) => `${issue.path.join('.') || 'environment'}: ${issue.message}`)),
  ]
  return parsed.success && faults.length === 0
    ? ok({ ...parsed.data, drain: args.includes('--drain') })
    : err(faults.join('\n'))
}
