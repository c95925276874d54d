/** @file The base of every feature's routes: an OpenAPIHono app whose validation errors end as problems, and how throws are rendered. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Problem } from '../../shared/schema/problem.ts'
import type { Bindings } from '../env.ts'
import type { StageTimer } from '../ranking/stages.ts'
import { internalReason, issuesOf, ProblemError, ProblemSchema, problemResponse } from './problem.ts'

export type Scope = 'public' | 'secret'

export type AppEnv = {
  Bindings: Bindings
  Variables: {
    requestId: string
    /** Set once a key was accepted; absent on open paths such as /healthz. */
    scope: Scope
    keyId: string
    /** Of every call under /v1. */
    stages: StageTimer
  }
}

/**
 * An app for one feature (or for the whole): mount with `app.route(path, feature)`. What it throws is the frame's to render: an
 * app with an error handler of its own would have each of its validators and handlers wrapped anew for each request.
 */
export const createApp = (): OpenAPIHono<AppEnv> =>
  new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw new ProblemError({ kind: 'invalid-request', issues: issuesOf(result.error) })
    },
  })

/** Log line of an unexpected failure. Replaceable in tests. */
export type Log = (line: { level: 'error' | 'warn' | 'info'; message: string; requestId?: string }) => void
export const consoleLog: Log = (line) => console[line.level](JSON.stringify(line))

/** The reply for whatever was thrown; internal reasons go to the log. */
export function renderError(error: Error, c: Context<AppEnv>): Response {
  const requestId = c.get('requestId') as string | undefined
  const problem = problemOf(error)
  const reason = internalReason(problem)
  if (reason !== null) {
    consoleLog({ level: 'error', message: reason, ...(requestId === undefined ? {} : { requestId }) })
  }
  return problemResponse(problem, requestId)
}

function problemOf(error: Error): Problem {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof HTTPException) {
    if (error.status === 413) return { kind: 'too-large', limit: 'smaller than this body' }
    // @hono/zod-openapi throws 400 for a body that is not JSON.
    if (error.status < 500) {
      return { kind: 'invalid-request', issues: [{ path: '', message: error.message || 'bad request' }] }
    }
  }
  return { kind: 'internal', reason: error.stack ?? String(error) }
}

/** `responses` entries for the problems a route can answer with, for `createRoute`. */
export function problemResponses<const S extends number>(...statuses: S[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: PROBLEM_DESCRIPTION[status] ?? 'Problem',
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  ) as Record<
    S,
    { description: string; content: { 'application/problem+json': { schema: typeof ProblemSchema } } }
  >
}

const PROBLEM_DESCRIPTION: Record<number, string> = {
  400: 'The request is not valid; `errors` says where.',
  401: 'No key, an unknown key or an expired one.',
  403: 'The key is of the wrong scope.',
  404: 'No such thing.',
  409: 'Conflict with an earlier request.',
  413: 'The body is over the limit.',
  415: 'The body is of a kind that is not understood.',
  429: 'Over the rate limit of this key; see `Retry-After`.',
  502: 'A service behind this one failed.',
  503: 'Nothing is searchable yet; see `Retry-After`.',
}
