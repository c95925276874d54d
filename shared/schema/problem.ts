/** @file Every failure a caller can see, and its RFC 9457 form. Add an arm and the compiler points at each place to extend. */
export type Problem =
  | { kind: 'invalid-request'; issues: { path: string; message: string }[] }
  | { kind: 'unauthorized'; reason: 'missing' | 'unknown' | 'expired' }
  | { kind: 'forbidden'; needed: 'secret' }
  | { kind: 'not-found'; what: string }
  | { kind: 'method-not-allowed' }
  | { kind: 'conflict'; detail: string }
  | { kind: 'too-large'; limit: string }
  | { kind: 'unsupported-media-type'; expected: string }
  | { kind: 'rate-limited'; retryAfterSeconds: number }
  | { kind: 'index-not-ready' }
  /** `reason` goes to the log under the same request id, never to the caller. */
  | { kind: 'upstream-failed'; upstream: string; reason: string }
  | { kind: 'internal'; reason: string }

/** `application/problem+json`, RFC 9457 section 3, with our extension members `errors` and `requestId`. */
export type ProblemDocument = {
  type: string
  title: string
  status: number
  detail?: string
  errors?: { path: string; message: string }[]
  requestId?: string
}
