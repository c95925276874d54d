/** @file `GET /v1/quality/events`: what the worker found in the event log. */
import { createRoute } from '@hono/zod-openapi'
import { EVENT_QUALITY_KEY, EventQuality } from '../../shared/schema/event-quality.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { jsonReply, keyProblems, SECRET } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'

export function eventQualityRoutes(bucket: Pick<R2Bucket, 'get'>) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/quality/events',
      tags: ['Data quality'],
      summary: 'What is wrong with the events, and which shoppers are no people',
      description:
        'The worker judges the log of the last fifteen days about once an hour while it is awake. Shoppers are pseudonyms; events of those from the threshold on count nowhere.',
      security: SECRET,
      responses: {
        200: jsonReply(EventQuality.openapi('EventQuality'), 'The last report.'),
        ...problemResponses(404),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const held = await bucket.get(EVENT_QUALITY_KEY)
      if (!held)
        throw new ProblemError({
          kind: 'not-found',
          what: 'report on events yet',
        })
      return c.json(EventQuality.parse(await held.json()), 200)
    },
  )
  return app
}
