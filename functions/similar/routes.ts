/** @file HTTP surface of similar items. */
import { createRoute, z } from '@hono/zod-openapi'
import { RankedReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { ItemIdParam, keyProblems, limitParam, PUBLIC, rankedJsonReply } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import { rankedFrame, toHits } from '../ranking/ranked.ts'
import type { ItemsOf } from '../ranking/source-of.ts'
import type { ReportStages } from '../ranking/stage-report.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import { findSimilar } from './similar.ts'

const LIMIT_MAX = 100

export function similarRoutes(holder: IndexHolder, itemsOf: ItemsOf, reportStages: ReportStages) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/items/{id}/similar',
      tags: ['Shopper'],
      summary: 'Items like this one',
      security: PUBLIC,
      request: { params: ItemIdParam, query: z.object({ limit: limitParam(LIMIT_MAX, 20) }) },
      responses: {
        200: rankedJsonReply(RankedReply, 'Hits, most similar first, each with its score and reasons.'),
        ...problemResponses(400, 404, 503),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const { id } = c.req.valid('param')
      const stages = c.get('stages')
      stages.begin('index')
      const index = await holder.current(waitUntilOf(c))
      if (!index) throw new ProblemError({ kind: 'index-not-ready' })
      const items = itemsOf(index)
      const found = await findSimilar(items, holder.signals(), id, c.req.valid('query').limit, stages)
      if (items.isDown()) throw new ProblemError({ kind: 'index-not-ready' })
      // Where a part is missing, the item may be in it.
      if (!found && items.degraded().length === 0)
        throw new ProblemError({ kind: 'not-found', what: `searchable item "${id}"` })
      const hits = await toHits(items, found?.ranked ?? [])
      const degraded = [...(found?.degraded ?? []), ...items.degraded()]
      const reply = { ...rankedFrame(c.get('requestId'), index, degraded), hits }
      reportStages(c, 'similar', reply)
      return c.json(reply, 200)
    },
  )
  return app
}
