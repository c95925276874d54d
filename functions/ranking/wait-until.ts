/** @file Work that outlives the reply. */
import type { Context } from 'hono'

/** Keep the request's context alive until `work` settles; a rejection is not the caller's to see. */
export type WaitUntil = (work: Promise<unknown>) => void

/** The platform's `waitUntil`, or none where there is no platform (a test that calls the app directly). */
export function waitUntilOf(c: Context): WaitUntil {
  try {
    const context = c.executionCtx
    return (work) => context.waitUntil(work)
  } catch {
    return () => {}
  }
}
