/** @file HTTP surface of similar items. */
import { createRoute, z } from '@hono/zod-openapi'
import { RankedReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { ItemIdParam, keyProblems, limitParam, PUBLIC, rankedJsonReply } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import { elsewhereReply, isElsewhere, rankedFrame, toHit } from '../ranking/ranked.ts'
import type { ReportStages } from '../ranking/stage-report.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import { findSimilar } from './similar.ts'

const LIMIT_MAX = 100

export function similarRoutes(holder: IndexHolder, reportStages: ReportStages) {
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
      if (isElsewhere(index)) return c.json(elsewhereReply(c.get('requestId'), index), 200)
      const doc = index.docOfId(id)
      if (doc === undefined) throw new ProblemError({ kind: 'not-found', what: `searchable item "${id}"` })
      const { ranked, degraded } = findSimilar(
        index,
        holder.signals(),
        doc,
        c.req.valid('query').limit,
        stages,
      )
      const reply = {
        ...rankedFrame(c.get('requestId'), index, degraded),
        hits: ranked.map((scored) => toHit(index, scored)),
      }
      reportStages(c, 'similar', reply)
      return c.json(reply, 200)
    },
  )
  return app
}
