/** @file HTTP surface of suggestions while a shopper types. What is suggested is decided in `shared/retrieval/suggest.ts`. */
import { createRoute, z } from '@hono/zod-openapi'
import { suggest } from '../../shared/retrieval/suggest.ts'
import { SuggestReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { jsonReply, keyProblems, limitParam, PUBLIC } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { CountFault } from '../ranking/faults.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import type { Shards } from '../ranking/shards.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'

const TYPED_CHARS_MAX = 100
const LIMIT_MAX = 10

const SuggestQuery = z.object({
  q: z
    .string()
    .max(TYPED_CHARS_MAX)
    .openapi({
      description: `What the shopper has typed so far, up to ${TYPED_CHARS_MAX} characters. A typing error in it does no harm.`,
      example: 'blueto',
    }),
  limit: limitParam(LIMIT_MAX, LIMIT_MAX),
})

export function suggestRoutes(
  holder: IndexHolder,
  shards: Pick<Shards, 'suggest'> | null,
  countFault: CountFault,
) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/suggest',
      tags: ['Shopper'],
      summary: 'Suggest what to search for',
      security: PUBLIC,
      request: { query: SuggestQuery },
      responses: {
        200: jsonReply(
          SuggestReply,
          'Whole queries, best first: what many shoppers searched for, then what items are called.',
        ),
        ...problemResponses(400, 503),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const { q, limit } = c.req.valid('query')
      const index = await holder.current(waitUntilOf(c))
      if (!index) throw new ProblemError({ kind: 'index-not-ready' })
      const past = holder.signals().queries
      const frame = { requestId: c.get('requestId'), indexVersion: index.manifest.version }
      if (shards && index.manifest.placement) {
        const found = await shards.suggest(index.manifest, q, limit, past)
        for (const name of found.degraded) countFault(name)
        return c.json({ ...frame, ...found }, 200)
      }
      return c.json({ ...frame, suggestions: suggest(index, q, limit, past), degraded: [] }, 200)
    },
  )
  return app
}
