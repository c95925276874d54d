/** @file The one place where failures become replies: `Problem` → RFC 9457 document, by one exhaustive switch. */
import { z } from '@hono/zod-openapi'
import type { Problem, ProblemDocument } from '../../shared/schema/problem.ts'

/** Thrown by routes and middleware to end a request with a problem; `app.onError` renders it. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.kind)
    this.name = 'ProblemError'
    this.problem = problem
  }
}

/** OpenAPI form of `ProblemDocument`. */
export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    requestId: z.string().optional(),
  })
  .openapi('Problem', { description: 'RFC 9457 problem document. `requestId` finds the matching log line.' })

/** What a caller sees; `reason` members stay behind. `type` is a URN, because no page stands behind it. */
export function problemDocument(problem: Problem): ProblemDocument {
  const type = `urn:aisle:problem:${problem.kind}`
  switch (problem.kind) {
    case 'invalid-request':
      return {
        type,
        title: 'The request is not valid',
        status: 400,
        detail: problem.issues
          .slice(0, 3)
          .map(({ path, message }) => (path ? `${path}: ${message}` : message))
          .join('; '),
        errors: problem.issues.slice(0, 100),
      }
    case 'unauthorized':
      return { type, title: 'An API key is needed', status: 401, detail: UNAUTHORIZED_DETAIL[problem.reason] }
    case 'forbidden':
      return {
        type,
        title: 'The API key may not do this',
        status: 403,
        detail: `This needs a key of scope "${problem.needed}".`,
      }
    case 'not-found':
      return { type, title: 'Not found', status: 404, detail: `There is no ${problem.what}.` }
    case 'method-not-allowed':
      return { type, title: 'Method not allowed', status: 405 }
    case 'conflict':
      return { type, title: 'Conflict', status: 409, detail: problem.detail }
    case 'too-large':
      return {
        type,
        title: 'The request is too large',
        status: 413,
        detail: `The limit is ${problem.limit}.`,
      }
    case 'unsupported-media-type':
      return { type, title: 'Unsupported media type', status: 415, detail: `Send ${problem.expected}.` }
    case 'rate-limited':
      return {
        type,
        title: 'Too many requests',
        status: 429,
        detail: `Try again in ${problem.retryAfterSeconds} s.`,
      }
    case 'index-not-ready':
      return {
        type,
        title: 'Nothing is searchable yet',
        status: 503,
        detail: 'No index has been published so far; try again when the first import is done.',
      }
    case 'upstream-failed':
      return {
        type,
        title: 'A service behind this one failed',
        status: 502,
        detail: `${problem.upstream} did not answer as it should; the request may be repeated.`,
      }
    case 'internal':
      return { type, title: 'Something went wrong on our side', status: 500 }
  }
}

const UNAUTHORIZED_DETAIL = {
  missing: 'Send the key as "Authorization: Bearer KEY".',
  unknown: 'This key is not known.',
  expired: 'This key has expired.',
}

/** The reply for a problem, with `Retry-After` and `WWW-Authenticate` where HTTP asks for them. */
export function problemResponse(problem: Problem, requestId?: string): Response {
  const document = problemDocument(problem)
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (requestId !== undefined) headers.set('x-request-id', requestId)
  if (problem.kind === 'rate-limited') headers.set('retry-after', String(problem.retryAfterSeconds))
  if (problem.kind === 'index-not-ready') headers.set('retry-after', '2')
  if (problem.kind === 'unauthorized') headers.set('www-authenticate', 'Bearer realm="aisle"')
  return new Response(JSON.stringify(requestId === undefined ? document : { ...document, requestId }), {
    status: document.status,
    headers,
  })
}

/** The part of a problem that only the log may know. */
export function internalReason(problem: Problem): string | null {
  return problem.kind === 'internal' || problem.kind === 'upstream-failed' ? problem.reason : null
}

/** Issues of a zod error in the form that callers see: dotted path and sentence. */
export function issuesOf(error: {
  issues: readonly { path: readonly PropertyKey[]; message: string }[]
}): { path: string; message: string }[] {
  return error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }))
}
