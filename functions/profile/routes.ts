/** @file HTTP surface of profiles, for the shop's backend: look at one, forget one, say a word on consent, log a session in. */
import { createRoute, z } from '@hono/zod-openapi'
import { ProfileReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { jsonReply, keyProblems, SECRET } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { PseudonymOf } from '../http/pseudonym.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import type { ItemsOf } from '../ranking/source-of.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import { forget, grantConsent, refuseConsent } from './consent.ts'
import { mergeProfiles } from './keep.ts'
import type { ConsentRule, ProfileFault, ProfileStore } from './profile.ts'
import { showProfile } from './show.ts'

const userId = z.string().min(1).max(256)
const UserIdParam = z.object({
  userId: userId.openapi({
    param: { name: 'userId', in: 'path' },
    description: 'The shopper, as the shop names them, percent-encoded.',
    example: 'shopper-1',
  }),
})
const ConsentRequest = z.strictObject({ consent: z.enum(['granted', 'refused']) })
const MergeRequest = z
  .strictObject({ anonymousId: userId, userId })
  .refine((ids) => ids.anonymousId !== ids.userId, {
    path: ['userId'],
    message: 'is the same as anonymousId',
  })

const json = <S extends z.ZodType>(schema: S) => ({
  required: true,
  content: { 'application/json': { schema } },
})
const DONE = { 204: { description: 'Done.' } }

type Deps = {
  profiles: ProfileStore
  holder: IndexHolder
  itemsOf: ItemsOf
  pseudonymOf: PseudonymOf
  clock: () => number
  consentRule: ConsentRule
  keepMs: number
}

export function profileRoutes({ profiles, holder, itemsOf, pseudonymOf, ...rules }: Deps) {
  const { clock, consentRule, keepMs } = rules
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/profiles/{userId}',
      tags: ['Profiles'],
      summary: 'What is remembered of a shopper',
      security: SECRET,
      request: { params: UserIdParam },
      responses: {
        200: jsonReply(ProfileReply, 'The facts, newest first, and the tastes that follow from them.'),
        ...problemResponses(404, 502),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const user = await pseudonymOf(c.req.valid('param').userId)
      const [profile, index] = await Promise.all([profiles.read(user), holder.current(waitUntilOf(c))])
      if (!profile.ok) throw faultOf(profile.error)
      if (!profile.value) throw new ProblemError({ kind: 'not-found', what: 'profile of this shopper' })
      const items = index && itemsOf(index)
      const shown = await showProfile(profile.value, items, { consentRule, keepMs, nowMs: clock() })
      return c.json({ requestId: c.get('requestId'), ...shown, degraded: items?.degraded() ?? [] }, 200)
    },
  )
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/profiles/{userId}',
      tags: ['Profiles'],
      summary: 'Forget a shopper',
      description:
        'The profile is emptied; what is kept is the moment, so that events which are still in the queue do not bring it back. The event log holds no more than the pseudonym.',
      security: SECRET,
      request: { params: UserIdParam },
      responses: { ...DONE, ...problemResponses(502), ...keyProblems() },
    }),
    async (c) => {
      const user = await pseudonymOf(c.req.valid('param').userId)
      const done = await profiles.update(user, (before) => forget(before, clock()))
      if (!done.ok) throw faultOf(done.error)
      return c.body(null, 204)
    },
  )
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/profiles/{userId}/consent',
      tags: ['Profiles'],
      summary: 'Say whether a shopper may be remembered',
      description:
        'After `refused` everything is forgotten, nothing is kept, and recommendations are those of a new shopper, until `granted`.',
      security: SECRET,
      request: { params: UserIdParam, body: json(ConsentRequest) },
      responses: { ...DONE, ...problemResponses(400, 502), ...keyProblems() },
    }),
    async (c) => {
      const user = await pseudonymOf(c.req.valid('param').userId)
      const change = c.req.valid('json').consent === 'granted' ? grantConsent : refuseConsent
      const done = await profiles.update(user, (before) => change(before, clock()))
      if (!done.ok) throw faultOf(done.error)
      return c.body(null, 204)
    },
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/profiles/merge',
      tags: ['Profiles'],
      summary: 'An anonymous session logs in',
      description:
        'What the session did becomes part of the shopper’s profile, events that are still in the queue included, and the session begins anew. May be repeated.',
      security: SECRET,
      request: { body: json(MergeRequest) },
      responses: { ...DONE, ...problemResponses(400, 502), ...keyProblems() },
    }),
    async (c) => {
      const ids = c.req.valid('json')
      const [from, to] = await Promise.all([pseudonymOf(ids.anonymousId), pseudonymOf(ids.userId)])
      const done = await mergeProfiles(profiles, from, to, clock(), consentRule)
      if (!done.ok) throw faultOf(done.error)
      return c.body(null, 204)
    },
  )
  return app
}

const faultOf = ({ kind, reason }: ProfileFault): ProblemError =>
  new ProblemError({
    kind: 'upstream-failed',
    upstream: 'the profile store',
    reason: `profile-${kind}: ${reason}`,
  })
