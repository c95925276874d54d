/** @file Small words for describing routes in OpenAPI, so that each feature says only what is its own. */
import { z } from '@hono/zod-openapi'
import { problemResponses } from './app.ts'

/** A JSON reply of a described shape. */
export const jsonReply = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

const SERVER_TIMING = {
  description:
    'Milliseconds of each stage that ran: auth, index, profile, retrieve, rank, diversify. Deployed, the clock moves while a request waits and not while it computes: a stage shows what it waited for. On a local stack it shows all of its time.',
  schema: { type: 'string' as const },
  example: 'auth;dur=0.2, index;dur=0, profile;dur=1.9, retrieve;dur=1.1, rank;dur=0.6, diversify;dur=0.1',
}

/** A JSON reply of the ranking pipeline, which tells the times of its stages. */
export const rankedJsonReply = <S extends z.ZodType>(schema: S, description: string) => ({
  ...jsonReply(schema, description),
  headers: { 'server-timing': SERVER_TIMING },
})

/** Problems that every call under /v1 can end in. */
export const keyProblems = () => problemResponses(401, 403, 429)

export const SECRET = [{ secretKey: [] }]
export const PUBLIC = [{ publicKey: [] }, { secretKey: [] }]

export const ItemIdParam = z.object({
  id: z
    .string()
    .min(1)
    .max(128)
    .openapi({
      param: { name: 'id', in: 'path' },
      description: 'Item id, percent-encoded.',
      example: 'spk-0042',
    }),
})

/** Page size: whole numbers from 1 to `max`. */
export const limitParam = (max: number, initial: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(max)
    .default(initial)
    .openapi({ description: `Results to return, 1 to ${max}.`, example: initial })
