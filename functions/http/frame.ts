/** @file What every reply has around it: request id, security headers, CORS, keys under /v1, 404 and 405 as problems. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { cors } from 'hono/cors'
import { type AppEnv, createApp, renderError } from './app.ts'
import { type GuardDeps, guard } from './auth.ts'
import { problemResponse } from './problem.ts'

const EXPOSED_HEADERS = 'x-request-id,retry-after,idempotent-replay,server-timing'

/** The root app. Mount features with `app.route('/', feature)`; everything under /v1 is behind a key. */
export function createFrame(deps: GuardDeps): OpenAPIHono<AppEnv> {
  const app = createApp()
  app.onError(renderError)
  // On the reply as it is: Hono's `c.header` would make a copy of it for each header.
  app.use(async (c, next) => {
    c.set('requestId', crypto.randomUUID())
    await next()
    const { headers } = c.res
    headers.set('x-request-id', c.get('requestId'))
    headers.set('x-content-type-options', 'nosniff')
    if (!c.req.path.startsWith('/v1/')) return
    // Shops call from their own origin with a public key. No cookies are involved, so any origin may.
    headers.set('access-control-allow-origin', '*')
    headers.set('access-control-expose-headers', EXPOSED_HEADERS)
  })
  // What a browser asks before it sends a key or JSON to another origin; answered without a key.
  const allowHeaders = ['authorization', 'content-type', 'idempotency-key']
  app.options('/v1/*', cors({ origin: '*', allowHeaders, maxAge: 86_400 }))
  app.use('/v1/*', guard(deps))
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.notFound((c) => {
    const allowed = allowedMethods(app, c.req.path)
    const requestId = c.get('requestId')
    if (allowed.length === 0) return problemResponse({ kind: 'not-found', what: 'such path' }, requestId)
    const response = problemResponse({ kind: 'method-not-allowed' }, requestId)
    response.headers.set('allow', allowed.join(', '))
    return response
  })
  return app
}

/** Methods that some route answers on this path; routes with wildcards are middleware and do not count. */
function allowedMethods(app: OpenAPIHono<AppEnv>, path: string): string[] {
  const methods = new Set<string>()
  for (const route of app.routes) {
    if (route.method === 'ALL' || route.path.includes('*')) continue
    const pattern = route.path.replace(/[.+?^$()|[\]\\]/g, '\\$&').replace(/:\w+(\{[^/]*\})?/g, '[^/]+')
    if (new RegExp(`^${pattern}$`).test(path)) methods.add(route.method)
  }
  return [...methods].sort()
}
