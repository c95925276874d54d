/** @file HTTP surface of search. */
import { createRoute, z } from '@hono/zod-openapi'
import { FILTER_CHARS_MAX } from '../../shared/retrieval/filter.ts'
import { SEARCH_DEPTH_MAX } from '../../shared/retrieval/hybrid.ts'
import { FACET_NAMES, SearchReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { keyProblems, limitParam, PUBLIC, rankedJsonReply } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { PseudonymOf } from '../http/pseudonym.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import type { ReportStages } from '../ranking/stage-report.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import { PERSONAL_DEPTH } from './personal.ts'
import type { Search } from './search.ts'

export const QUERY_CHARS_MAX = 500
const LIMIT_MAX = 100

const SearchQuery = z
  .object({
    q: z
      .string()
      .max(QUERY_CHARS_MAX)
      .refine((text) => text.trim() !== '', 'is empty')
      .openapi({
        description: `What the shopper typed, 1 to ${QUERY_CHARS_MAX} characters. A last word without a space after it also matches as a beginning.`,
        example: 'bluetooth speaker',
      }),
    limit: limitParam(LIMIT_MAX, 20),
    offset: z.coerce
      .number()
      .int()
      .min(0)
      .max(SEARCH_DEPTH_MAX)
      .default(0)
      .openapi({ description: `Results to skip; offset + limit is at most ${SEARCH_DEPTH_MAX}.` }),
    filter: z.string().max(FILTER_CHARS_MAX).optional().openapi({
      description:
        'Conditions joined by AND or a comma: price<100, price>=5, stock>0, inStock, brand="HP", category=Printers, colour!=red (any attribute).',
      example: 'price<100 AND inStock',
    }),
    facets: z
      .string()
      .optional()
      .transform((text) => [...new Set((text ?? '').split(',').map((name) => name.trim()))].filter(Boolean))
      .pipe(z.array(z.enum(FACET_NAMES)))
      .openapi({
        type: 'string',
        description: `Counts over all matches to reply with: ${FACET_NAMES.join(', ')}, joined by commas.`,
        example: 'brand,price',
      }),
    mode: z
      .enum(['hybrid', 'lexical', 'vector'])
      .default('hybrid')
      .openapi({ description: 'Which lists are used; hybrid is what shoppers should get.' }),
    userId: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .openapi({
        description: `A shopper whose tastes (brand, category, price) order the first ${PERSONAL_DEPTH} hits; what is found stays the same. Costs the read of a profile.`,
      }),
  })
  .refine(({ offset, limit }) => offset + limit <= SEARCH_DEPTH_MAX, {
    path: ['offset'],
    message: `offset + limit is at most ${SEARCH_DEPTH_MAX}`,
  })

type Deps = { search: Search; holder: IndexHolder; pseudonymOf: PseudonymOf; reportStages: ReportStages }

export function searchRoutes({ search, holder, pseudonymOf, reportStages }: Deps) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/search',
      tags: ['Shopper'],
      summary: 'Search the catalogue',
      security: PUBLIC,
      request: { query: SearchQuery },
      responses: {
        200: rankedJsonReply(SearchReply, 'Hits, best first, each with its score and reasons.'),
        ...problemResponses(400, 503),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const { q, userId, ...asked } = c.req.valid('query')
      const waitUntil = waitUntilOf(c)
      const stages = c.get('stages')
      stages.begin('index')
      const index = await holder.current(waitUntil)
      if (!index) throw new ProblemError({ kind: 'index-not-ready' })
      const user = userId === undefined ? null : await pseudonymOf(userId)
      const request = { ...asked, requestId: c.get('requestId'), query: q, filter: asked.filter, user }
      const reply = await search(index, request, stages, waitUntil)
      if (!reply.ok) throw new ProblemError(reply.error)
      reportStages(c, 'search', reply.value)
      return c.json(reply.value, 200)
    },
  )
  return app
}
