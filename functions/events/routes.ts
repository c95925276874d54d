/** @file HTTP surface of events. */
import { z } from '@hono/zod-openapi'
import { EVENTS_PER_CALL_MAX, EventInput } from '../../shared/schema/events.ts'
import { EventsReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { parseList, readText } from '../http/body.ts'
import { jsonReply, keyProblems, PUBLIC } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { TakeEvents } from './events.ts'

export const EVENTS_BYTES_MAX = 1 * 2 ** 20

export function eventRoutes(takeEvents: TakeEvents) {
  const app = createApp()
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/events',
    tags: ['Shopper'],
    summary: 'Tell what shoppers do',
    description: `A JSON array or NDJSON of at most ${EVENTS_PER_CALL_MAX} events and 1 MiB. Events are counted once by eventId, however often they are sent. Shopper ids are replaced by a pseudonym before anything is kept.`,
    security: PUBLIC,
    request: {
      body: {
        content: {
          'application/json': { schema: z.array(EventInput).max(EVENTS_PER_CALL_MAX) },
          'application/x-ndjson': { schema: z.string() },
        },
      },
    },
    responses: {
      202: jsonReply(EventsReply, 'Taken; the profile follows within a second or so.'),
      ...problemResponses(400, 413, 415, 502),
      ...keyProblems(),
    },
  })
  app.post('/v1/events', async (c) => {
    const text = await readText(c, EVENTS_BYTES_MAX)
    const entries = parseList(text, c.req.header('content-type'), {
      entriesMax: EVENTS_PER_CALL_MAX,
      what: 'events',
    })
    const taken = await takeEvents(entries, c.req.header('user-agent'))
    if (!taken.ok) throw new ProblemError(taken.error)
    return c.json(taken.value, 202)
  })
  return app
}
