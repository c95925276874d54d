/** @file HTTP surface of the catalogue: items, batches, quarantine, dead letters. Validate, call, reply. */
import { createRoute, z } from '@hono/zod-openapi'
import { Finding } from '../../shared/schema/item.ts'
import { BatchReply, ImportReply, ItemReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { parseJson, parseList, readText } from '../http/body.ts'
import { ItemIdParam, jsonReply, keyProblems, limitParam, SECRET } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import type { Catalog } from './catalog.ts'
import type { DeadLetters } from './dead-letters.ts'
import { IDEMPOTENCY_KEY_CHARS_MAX, type Idempotency } from './idempotency.ts'
import type { Outbox } from './outbox.ts'
import type { CatalogStore } from './store.ts'

export const ITEMS_PER_CALL_MAX = 1_000
export const ITEMS_BYTES_MAX = 4 * 2 ** 20
const ITEM_BYTES_MAX = 1 * 2 ** 20
const PAGE_MAX = 100

type Deps = {
  catalog: Catalog
  store: CatalogStore
  outbox: Outbox
  deadLetters: DeadLetters
  idempotency: Idempotency
  index: IndexHolder
}

const QuarantineEntry = z.object({
  id: z.string(),
  itemId: z.string().nullable(),
  findings: z.array(Finding),
  receivedAt: z.iso.datetime(),
  raw: z.unknown().openapi({ description: 'The row as it came.' }),
})
const DeadLetterEntry = z.object({
  id: z.string(),
  queue: z.string(),
  body: z.unknown(),
  reason: z.string(),
  receivedAt: z.iso.datetime(),
  replayedAt: z.iso.datetime().nullable(),
})

const UndoRequest = z
  .strictObject({ rule: z.string().min(1).max(100), field: z.string().min(1).max(250) })
  .openapi('UndoRequest', { example: { rule: 'brand-casing', field: 'brand' } })

/** An item as a shop sends it: looser than what is kept, because cleaning comes after (see shared/quality). */
const ItemInput = z
  .looseObject({
    id: z.string(),
    title: z.string(),
    description: z.string().optional(),
    brand: z.string().optional(),
    category: z.union([z.string(), z.array(z.string())]).optional(),
    price: z.union([z.number(), z.string()]).nullish(),
    currency: z.string().nullish(),
    stock: z.union([z.number(), z.string()]).nullish(),
    attributes: z.record(z.string(), z.unknown()).optional(),
    image: z.string().optional(),
    url: z.string().optional(),
    availableTime: z.string().optional(),
    expireTime: z.string().optional(),
    publishTime: z.string().optional(),
    variantOf: z.string().optional(),
  })
  .openapi('ItemInput', {
    example: {
      id: 'spk-0042',
      title: 'Bluetooth speaker, waterproof',
      brand: 'Northwave',
      category: 'Electronics > Audio > Speakers',
      price: '12,99 €',
      stock: 12,
      attributes: { colour: 'black', watts: 10 },
    },
  })

export function catalogRoutes(deps: Deps) {
  const app = createApp()
  itemRoutes(app, deps)
  quarantineRoutes(app, deps)
  deadLetterRoutes(app, deps)
  return app
}
type App = ReturnType<typeof createApp>

function itemRoutes(app: App, { catalog, outbox, idempotency, index }: Deps): void {
  // Described by hand: the body is read under a limit, and a broken NDJSON line is a quarantined row, not a bad request.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/items',
    tags: ['Catalogue'],
    summary: 'Give items, new or changed',
    description: `A JSON array or NDJSON of at most ${ITEMS_PER_CALL_MAX.toLocaleString('en')} items and 4 MiB. Rows that break a rule go to quarantine with the rule's name; the others are searchable as soon as the worker has encoded them (see GET /v1/batches/{id}).`,
    security: SECRET,
    request: {
      headers: z.object({ 'idempotency-key': z.string().max(IDEMPOTENCY_KEY_CHARS_MAX).optional() }),
      body: {
        content: {
          'application/json': { schema: z.array(ItemInput).max(ITEMS_PER_CALL_MAX) },
          'application/x-ndjson': { schema: z.string() },
        },
      },
    },
    responses: {
      202: jsonReply(ImportReply, 'Judged and kept; the index follows.'),
      ...problemResponses(400, 409, 413, 415),
      ...keyProblems(),
    },
  })
  app.post('/v1/items', async (c) => {
    const text = await readText(c, ITEMS_BYTES_MAX)
    const entries = parseList(text, c.req.header('content-type'), {
      entriesMax: ITEMS_PER_CALL_MAX,
      what: 'items',
    })
    const key = c.req.header('idempotency-key')
    if (key !== undefined && (key === '' || key.length > IDEMPOTENCY_KEY_CHARS_MAX))
      throw new ProblemError({
        kind: 'invalid-request',
        issues: [{ path: 'idempotency-key', message: `needs 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} characters` }],
      })
    const once = await idempotency.once(key && `${c.get('keyId')}:${key}`, text, () =>
      catalog.accept(entries),
    )
    if (!once.ok) throw new ProblemError(once.error)
    if (once.value.replayed) c.header('idempotent-replay', 'true')
    return c.json(once.value.reply, 202)
  })

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/items/{id}',
      tags: ['Catalogue'],
      summary: 'An item as it is stored',
      description: 'With its quality findings, and whether the index shows this version.',
      security: SECRET,
      request: { params: ItemIdParam },
      responses: { 200: jsonReply(ItemReply, 'The item.'), ...problemResponses(404), ...keyProblems() },
    }),
    async (c) => {
      const read = await catalog.read(c.req.valid('param').id, await index.fresh(waitUntilOf(c)))
      if (!read.ok) throw new ProblemError(read.error)
      return c.json(read.value, 200)
    },
  )

  app.openAPIRegistry.registerPath({
    method: 'patch',
    path: '/v1/items/{id}',
    tags: ['Catalogue'],
    summary: 'Change some fields of an item',
    description:
      'Null takes a field back to its default. A change of price or stock is shown without encoding anything.',
    security: SECRET,
    request: {
      params: ItemIdParam,
      body: { content: { 'application/json': { schema: ItemInput.partial() } } },
    },
    responses: {
      200: jsonReply(ItemReply, 'The item after the change; `searchable` turns true when the index has it.'),
      ...problemResponses(400, 404, 409, 413),
      ...keyProblems(),
    },
  })
  app.patch('/v1/items/:id', async (c) => {
    const patch = parseJson(await readText(c, ITEM_BYTES_MAX))
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
      throw new ProblemError({
        kind: 'invalid-request',
        issues: [{ path: '', message: 'the body must be a JSON object with the fields to change' }],
      })
    const changed = await catalog.change(c.req.param('id'), patch as Record<string, unknown>)
    if (!changed.ok) throw new ProblemError(changed.error)
    return c.json(changed.value, 200)
  })

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/items/{id}/undo-repair',
      tags: ['Data quality'],
      summary: 'Take a repair of an item back',
      description:
        'An applied repair is a finding of the item with `repair.original`. The field gets that value again, and keeps it when the same value is given again.',
      security: SECRET,
      request: {
        params: ItemIdParam,
        body: { required: true, content: { 'application/json': { schema: UndoRequest } } },
      },
      responses: {
        200: jsonReply(ItemReply, 'The item with the value that it had before.'),
        ...problemResponses(400, 404, 409),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const undone = await catalog.undo(c.req.valid('param').id, c.req.valid('json'))
      if (!undone.ok) throw new ProblemError(undone.error)
      return c.json(undone.value, 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/items/{id}',
      tags: ['Catalogue'],
      summary: 'Remove an item',
      security: SECRET,
      request: { params: ItemIdParam },
      responses: {
        204: { description: 'Removed; searches follow within seconds.' },
        ...problemResponses(404),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const removed = await catalog.remove(c.req.valid('param').id)
      if (!removed.ok) throw new ProblemError(removed.error)
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/batches/{id}',
      tags: ['Catalogue'],
      summary: 'How far a batch of items is',
      security: SECRET,
      request: { params: z.object({ id: z.string().max(64) }) },
      responses: { 200: jsonReply(BatchReply, 'Its state.'), ...problemResponses(404), ...keyProblems() },
    }),
    async (c) => {
      const { id } = c.req.valid('param')
      const batch = await outbox.progress(id, await index.fresh(waitUntilOf(c)))
      if (!batch) throw new ProblemError({ kind: 'not-found', what: `batch "${id}"` })
      return c.json(batch, 200)
    },
  )
}

function quarantineRoutes(app: App, { catalog, store }: Deps): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/quarantine',
      tags: ['Data quality'],
      summary: 'Rows that were refused, newest first',
      description: 'Each with the name of the rule and the field. `next` continues the list.',
      security: SECRET,
      request: {
        query: z.object({
          limit: limitParam(PAGE_MAX, 50),
          after: z
            .string()
            .regex(/^\d+_[0-9a-f]{32}$/, 'is not a "next" of this list')
            .optional(),
        }),
      },
      responses: {
        200: jsonReply(z.object({ rows: z.array(QuarantineEntry), next: z.string().nullable() }), 'A page.'),
        ...problemResponses(400),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const { limit, after } = c.req.valid('query')
      const [receivedAt, id] = after?.split('_') ?? []
      const rows = await store.quarantine(limit, id ? { receivedAt: Number(receivedAt), id } : null)
      const last = rows.at(-1)
      return c.json(
        {
          rows: rows.map((row) => ({
            id: row.id,
            itemId: row.itemId,
            findings: row.findings,
            receivedAt: new Date(row.receivedAt).toISOString(),
            raw: JSON.parse(row.raw) as unknown,
          })),
          next: last && rows.length === limit ? `${last.receivedAt}_${last.id}` : null,
        },
        200,
      )
    },
  )

  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/quarantine/{id}/replay',
    tags: ['Data quality'],
    summary: 'Judge a refused row again',
    description: 'As it was (after a rule changed), or mended: send `{"item": {…}}`.',
    security: SECRET,
    request: {
      params: z.object({ id: z.string() }),
      body: { content: { 'application/json': { schema: z.object({ item: ItemInput.optional() }) } } },
    },
    responses: {
      200: jsonReply(ImportReply, 'The verdict; `accepted` is 1 when it left quarantine.'),
      ...problemResponses(400, 404, 413),
      ...keyProblems(),
    },
  })
  app.post('/v1/quarantine/:id/replay', async (c) => {
    const text = await readText(c, ITEM_BYTES_MAX)
    const body = text.trim() === '' ? {} : parseJson(text)
    const mended = (body as { item?: unknown } | null)?.item
    const replayed = await catalog.replay(c.req.param('id'), mended)
    if (!replayed.ok) throw new ProblemError(replayed.error)
    return c.json(replayed.value, 200)
  })
}

function deadLetterRoutes(app: App, { deadLetters }: Deps): void {
  const toEntry = (letter: Awaited<ReturnType<DeadLetters['list']>>[number]) => ({
    ...letter,
    receivedAt: new Date(letter.receivedAt).toISOString(),
    replayedAt: letter.replayedAt === null ? null : new Date(letter.replayedAt).toISOString(),
  })
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/dead-letters',
      tags: ['Operations'],
      summary: 'Queue messages that failed too often, newest first',
      security: SECRET,
      request: { query: z.object({ limit: limitParam(PAGE_MAX, 50) }) },
      responses: {
        200: jsonReply(z.object({ rows: z.array(DeadLetterEntry) }), 'The list.'),
        ...problemResponses(400),
        ...keyProblems(),
      },
    }),
    async (c) => c.json({ rows: (await deadLetters.list(c.req.valid('query').limit)).map(toEntry) }, 200),
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/dead-letters/{id}/replay',
      tags: ['Operations'],
      summary: 'Give a message back to its queue',
      security: SECRET,
      request: { params: z.object({ id: z.string() }) },
      responses: {
        200: jsonReply(DeadLetterEntry, 'Sent again.'),
        ...problemResponses(404, 502),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const replayed = await deadLetters.replay(c.req.valid('param').id)
      if (!replayed.ok) throw new ProblemError(replayed.error)
      return c.json(toEntry(replayed.value), 200)
    },
  )
}
