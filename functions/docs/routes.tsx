/** @file `/openapi.json`, and `/docs`: the same document as a page that a person can read. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { Hono } from 'hono'
import { raw } from 'hono/html'
import type { FC } from 'hono/jsx'
import type { AppEnv } from '../http/app.ts'

const VERSION = '0.1.0'

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Aisle',
    version: VERSION,
    description:
      'Search and recommendation for online shops, at the edge. Every error is a problem document (RFC 9457) with a requestId.',
  },
  tags: [
    { name: 'Shopper', description: 'What a shop page calls, with a public key.' },
    { name: 'Catalogue', description: 'Items in and out, with a secret key.' },
    {
      name: 'Data quality',
      description: 'What is wrong with the data, what was repaired or refused, and how to mend it.',
    },
    { name: 'Operations', description: 'State, and messages that failed.' },
  ],
}

const LIMITS: readonly [string, string][] = [
  [
    'POST /v1/items',
    '1,000 items and 4 MiB a call; ids up to 128, titles up to 500, descriptions up to 20,000 characters',
  ],
  ['POST /v1/events', '500 events and 1 MiB a call; times from two years ago to ten minutes ahead'],
  [
    'GET /v1/search',
    'queries up to 500 characters, limit up to 100, offset + limit up to 1,000, filters up to 20 conditions',
  ],
  ['Recommendations, similar', 'limit up to 100, carts up to 50 items'],
  [
    'Times',
    'search, recommendations and similar items carry Server-Timing; a stage over its budget is named in `degraded` and the reply goes on with less',
  ],
  ['Keys', 'rate-limited one by one: 429 with Retry-After; a revoked key works for up to 60 s more'],
]

type Operation = {
  method: string
  path: string
  tag: string
  summary: string
  description: string
  scope: 'public' | 'secret'
  parameters: { name: string; in: string; required: boolean; description: string }[]
  statuses: string[]
}
type PathItem = Record<
  string,
  {
    tags?: string[]
    summary?: string
    description?: string
    security?: Record<string, unknown>[]
    parameters?: {
      name: string
      in: string
      required?: boolean
      description?: string
      schema?: { description?: string }
    }[]
    responses?: Record<string, unknown>
  }
>

/** @param api the app whose registered routes are described */
export function docsRoutes(api: OpenAPIHono<AppEnv>) {
  api.openAPIRegistry.registerComponent('securitySchemes', 'publicKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'A public key: search, recommendations, similar items, events.',
  })
  api.openAPIRegistry.registerComponent('securitySchemes', 'secretKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'A secret key: everything. Never in a browser.',
  })
  // Made once, on the first request: routes are all registered by then.
  let document: ReturnType<typeof api.getOpenAPI31Document> | undefined
  const describe = () => {
    document ??= api.getOpenAPI31Document(INFO)
    return document
  }
  return new Hono<AppEnv>()
    .get('/openapi.json', (c) => c.json(describe()))
    .get('/docs', (c) =>
      c.html(<DocsPage operations={operationsOf(describe().paths as Record<string, PathItem>)} />),
    )
}

function operationsOf(paths: Record<string, PathItem>): Operation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      tag: operation.tags?.[0] ?? '',
      summary: operation.summary ?? '',
      description: operation.description ?? '',
      scope: operation.security?.some((one) => 'publicKey' in one)
        ? ('public' as const)
        : ('secret' as const),
      parameters: (operation.parameters ?? []).map((parameter) => ({
        name: parameter.name,
        in: parameter.in,
        required: parameter.required ?? false,
        description: parameter.description ?? parameter.schema?.description ?? '',
      })),
      statuses: Object.keys(operation.responses ?? {}),
    })),
  )
}

const DocsPage: FC<{ operations: Operation[] }> = ({ operations }) => (
  <>
    {raw('<!DOCTYPE html>')}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Aisle API</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/page.css" />
      </head>
      <body>
        <main>
          <h1>Aisle API</h1>
          <p>
            {INFO.info.description} Send the key as <code>Authorization: Bearer KEY</code>. The
            machine-readable form of this page is <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).
          </p>
          <h2>Limits</h2>
          <dl>
            {LIMITS.map(([where, what]) => (
              <>
                <dt>{where}</dt>
                <dd>{what}</dd>
              </>
            ))}
          </dl>
          {INFO.tags.map(({ name, description }) => (
            <section>
              <h2>{name}</h2>
              <p class="note">{description}</p>
              {operations
                .filter(({ tag }) => tag === name)
                .map((operation) => (
                  <OperationView {...operation} />
                ))}
            </section>
          ))}
        </main>
      </body>
    </html>
  </>
)

const OperationView: FC<Operation> = ({
  method,
  path,
  summary,
  description,
  scope,
  parameters,
  statuses,
}) => (
  <article class="operation">
    <h3>
      <code>
        {method} {path}
      </code>
    </h3>
    <p>
      {summary}. <span class="meta">{scope} key</span>
    </p>
    {description && <p>{description}</p>}
    {parameters.length > 0 && (
      <dl>
        {parameters.map((parameter) => (
          <>
            <dt>
              <code>{parameter.name}</code> {parameter.required ? '' : '(optional)'}
            </dt>
            <dd>{parameter.description || parameter.in}</dd>
          </>
        ))}
      </dl>
    )}
    <p class="meta">Replies: {statuses.join(', ')}</p>
  </article>
)
