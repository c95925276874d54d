/** @file HTTP surface of recommendations. */
import { createRoute, z } from '@hono/zod-openapi'
import { RankedReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { keyProblems, limitParam, PUBLIC, rankedJsonReply } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { PseudonymOf } from '../http/pseudonym.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import type { ReportStages } from '../ranking/stage-report.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import type { Recommend } from './recommend.ts'

const LIMIT_MAX = 100
const CART_ITEMS_MAX = 50

const RecommendQuery = z.object({
  userId: z
    .string()
    .min(1)
    .max(256)
    .openapi({ description: 'The shopper, as the shop names them.', example: 'shopper-1' }),
  limit: limitParam(LIMIT_MAX, 20),
  itemId: z.string().min(1).max(128).optional().openapi({ description: 'The item being looked at.' }),
  cart: z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.string().max(128)).max(CART_ITEMS_MAX))
    .optional()
    .openapi({
      type: 'string',
      description: `Item ids in the cart, joined by commas, at most ${CART_ITEMS_MAX}.`,
    }),
})

type Deps = {
  recommend: Recommend
  holder: IndexHolder
  pseudonymOf: PseudonymOf
  reportStages: ReportStages
}

export function recommendRoutes({ recommend, holder, pseudonymOf, reportStages }: Deps) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/recommendations',
      tags: ['Shopper'],
      summary: 'Recommend items to a shopper',
      description:
        'From what the shopper did so far; popular and varied items for one who is new. When the profile does not come in time (50 ms unless configured), popular items are given and `degraded` says so.',
      security: PUBLIC,
      request: { query: RecommendQuery },
      responses: {
        200: rankedJsonReply(RankedReply, 'Hits, best first, each with its score and reasons.'),
        ...problemResponses(400, 503),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const { userId, limit, itemId, cart = [] } = c.req.valid('query')
      const stages = c.get('stages')
      stages.begin('index')
      const waitUntil = waitUntilOf(c)
      const index = await holder.current(waitUntil)
      if (!index) throw new ProblemError({ kind: 'index-not-ready' })
      stages.begin('profile')
      const user = await pseudonymOf(userId)
      const request = { requestId: c.get('requestId'), user, limit, itemId, cart }
      const reply = await recommend(index, holder.signals(), request, stages, waitUntil)
      if (!reply) throw new ProblemError({ kind: 'index-not-ready' })
      reportStages(c, 'recommend', reply)
      return c.json(reply, 200)
    },
  )
  return app
}
