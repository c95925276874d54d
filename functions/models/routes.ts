/** @file HTTP surface of models: train, list, switch, look at runs. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { ModelCard, Run, TrainRequest } from '../../shared/schema/models.ts'
import { RANK_FEATURES } from '../../shared/schema/rank-features.ts'
import { type AppEnv, createApp, problemResponses } from '../http/app.ts'
import { parseJson, readText } from '../http/body.ts'
import { jsonReply, keyProblems, SECRET } from '../http/openapi.ts'
import { issuesOf, ProblemError } from '../http/problem.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import type { Models } from './models.ts'

const BODY_BYTES_MAX = 64 * 2 ** 10
/** Of the file; base64 takes a third more. */
const RANKER_BYTES_MAX = 4 * 2 ** 20
const IdParam = z.object({
  id: z
    .string()
    .min(1)
    .max(64)
    .openapi({ param: { name: 'id', in: 'path' }, example: 'bert-4x256-0123456789abcdef' }),
})
const ActivateRequest = z.strictObject({
  force: z.boolean().default(false).openapi({ description: 'Use a model that its gate refused.' }),
})
const RankerRequest = z.strictObject({
  features: z
    .array(z.enum(RANK_FEATURES))
    .min(1)
    .refine((names) => names.every((name, column) => name === RANK_FEATURES[column]), {
      message: `the features that the ranker has learnt from: the first of ${RANK_FEATURES.join(', ')}`,
    }),
  model: z.base64().min(1).openapi({ description: 'The ONNX file, as `aisle train-ranker` writes it.' }),
})
const ListReply = z
  .object({
    /** Null before the first catalogue. */
    live: z.string().nullable(),
    models: z.array(ModelCard),
    runs: z.array(Run),
  })
  .openapi('ModelList')

const body = (schema: z.ZodType) => ({ content: { 'application/json': { schema } } })

export function modelRoutes(models: Models, index: IndexHolder) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/models',
      tags: ['Models'],
      summary: 'Models of the shop and the runs that made them',
      description: 'Newest first; `live` is the one that answers now.',
      security: SECRET,
      responses: { 200: jsonReply(ListReply, 'Models and runs.'), ...keyProblems() },
    }),
    async (c) => {
      const [held, cards, runs] = await Promise.all([
        index.fresh(waitUntilOf(c)),
        models.list(),
        models.runs(),
      ])
      return c.json({ live: held?.manifest.model.id ?? null, models: cards, runs }, 200)
    },
  )
  app.openAPIRegistry.registerPath(
    createRoute({
      method: 'post',
      path: '/v1/models/train',
      tags: ['Models'],
      summary: 'Train a model on the shop’s own catalogue and events',
      description:
        'A worker trains beside the live index and compares the result with the live model on later queries. A worse model is kept but refused.',
      security: SECRET,
      request: { body: body(TrainRequest) },
      responses: {
        202: jsonReply(Run, 'The run; look at it under /v1/runs/{id}.'),
        ...problemResponses(400, 413, 502),
        ...keyProblems(),
      },
    }),
  )
  app.post('/v1/models/train', async (c) => {
    const run = await models.train(await readBody(c, TrainRequest))
    if (!run.ok) throw new ProblemError(run.error)
    return c.json(run.value, 202)
  })
  app.openAPIRegistry.registerPath(
    createRoute({
      method: 'post',
      path: '/v1/models/{id}/activate',
      tags: ['Models'],
      summary: 'Switch to a model, or back to one',
      description:
        'A worker encodes the catalogue under the model beside the live index, then swaps both in one step. No search fails meanwhile. To roll back, activate the model from before: its vectors are kept.',
      security: SECRET,
      request: { params: IdParam, body: body(ActivateRequest) },
      responses: {
        202: jsonReply(Run, 'The run; look at it under /v1/runs/{id}.'),
        ...problemResponses(400, 404, 409, 413, 502),
        ...keyProblems(),
      },
    }),
  )
  app.post('/v1/models/:id/activate', async (c) => {
    const { force } = await readBody(c, ActivateRequest)
    const run = await models.activate(c.req.param('id'), force)
    if (!run.ok) throw new ProblemError(run.error)
    return c.json(run.value, 202)
  })
  app.openAPIRegistry.registerPath(
    createRoute({
      method: 'put',
      path: '/v1/ranker',
      tags: ['Models'],
      summary: 'Rank recommendations by a ranker of your own',
      description:
        'ONNX: f32 features[n, 64] → f32 score[n], or click[n], cart[n] and purchase[n]. A worker tries it, and the next version of the index names it.',
      security: SECRET,
      request: { body: body(RankerRequest) },
      responses: {
        202: jsonReply(Run, 'The run; look at it under /v1/runs/{id}.'),
        ...problemResponses(400, 413, 502),
        ...keyProblems(),
      },
    }),
  )
  app.put('/v1/ranker', async (c) => {
    const { model, features } = await readBody(c, RankerRequest, 2 * RANKER_BYTES_MAX)
    const bytes = Uint8Array.from(atob(model), (char) => char.charCodeAt(0))
    if (bytes.length > RANKER_BYTES_MAX)
      throw new ProblemError({ kind: 'too-large', limit: `${RANKER_BYTES_MAX / 2 ** 20} MiB a ranker` })
    const run = await models.useRanker(bytes, features)
    if (!run.ok) throw new ProblemError(run.error)
    return c.json(run.value, 202)
  })
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/ranker',
      tags: ['Models'],
      summary: 'Go back to the weights that are set by hand',
      security: SECRET,
      responses: {
        202: jsonReply(Run, 'The run; look at it under /v1/runs/{id}.'),
        ...problemResponses(502),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const run = await models.dropRanker()
      if (!run.ok) throw new ProblemError(run.error)
      return c.json(run.value, 202)
    },
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}',
      tags: ['Models'],
      summary: 'How far a run is, and how it ended',
      security: SECRET,
      request: { params: IdParam },
      responses: { 200: jsonReply(Run, 'The run.'), ...problemResponses(404), ...keyProblems() },
    }),
    async (c) => {
      const { id } = c.req.valid('param')
      const run = await models.findRun(id)
      if (!run) throw new ProblemError({ kind: 'not-found', what: `run "${id}"` })
      return c.json(run, 200)
    },
  )
  app.openAPIRegistry.registerPath(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}/curves',
      tags: ['Models'],
      summary: 'Loss, rate and metric of a training run by step',
      security: SECRET,
      request: { params: IdParam },
      responses: {
        200: {
          description: 'A line of JSON for each event of the run, oldest first.',
          content: { 'application/x-ndjson': { schema: z.string() } },
        },
        ...problemResponses(404),
        ...keyProblems(),
      },
    }),
  )
  app.get('/v1/runs/:id/curves', async (c) => {
    const id = c.req.param('id')
    const curves = await models.curves(id)
    if (!curves) throw new ProblemError({ kind: 'not-found', what: `curves of run "${id}"` })
    return c.body(curves, 200, { 'content-type': 'application/x-ndjson' })
  })
  return app
}

/** An empty body asks for the defaults. */
async function readBody<S extends z.ZodType>(
  c: Context<AppEnv>,
  schema: S,
  bytesMax = BODY_BYTES_MAX,
): Promise<z.infer<S>> {
  const text = await readText(c, bytesMax)
  const parsed = schema.safeParse(text.trim() === '' ? {} : parseJson(text))
  if (!parsed.success) throw new ProblemError({ kind: 'invalid-request', issues: issuesOf(parsed.error) })
  return parsed.data
}
