/** @file A model from the shop's own data, on real parts: trained, judged, switched to and back, while shoppers search. */
import { afterEach, describe, expect, it } from 'vitest'
import type { ModelCard, Run } from '../../shared/schema/models.ts'
import type { SearchReply, StatusReply } from '../../shared/schema/replies.ts'
import { eventually, openShop, type Shop } from './shop.ts'

/** Small enough for a test, otherwise the recipe that a shop would run. */
const RECIPE = {
  version: 1,
  recipe: 'pretrain',
  vocabulary: 600,
  size: { layers: 1, hidden: 32, heads: 2, intermediate: 64 },
  mlm: { steps: 30, batchTokens: 512, saveEverySteps: 5 },
  contrastive: { steps: 30, pairs: 8, validateEverySteps: 15, saveEverySteps: 5 },
}
const SECONDS = 120
let shop: Shop
afterEach(() => shop?.close())

const post = <T>(path: string, body: unknown) =>
  shop.secret.post<T>(path, JSON.stringify(body), { 'content-type': 'application/json' })
const runOf = (id: string) => shop.secret.get<Run>(`/v1/runs/${id}`)
const isOver = ({ state }: Run) => state !== 'queued' && state !== 'running'
const models = () => shop.secret.get<{ live: string | null; models: ModelCard[]; runs: Run[] }>('/v1/models')
const liveModel = async () => (await shop.secret.get<StatusReply>('/v1/status')).model

/** Shoppers who search and look all the while; every reply that is no 200 is kept. */
function startLoad() {
  const failures: string[] = []
  let asked = 0
  let isOn = true
  const paths = ['/v1/search?q=lamp', '/v1/search?q=green+chair&mode=hybrid', '/v1/recommendations?userId=u1']
  const shopper = async () => {
    while (isOn) {
      const path = paths[asked++ % paths.length]!
      const reply = await fetch(shop.url + path, {
        headers: { authorization: `Bearer ${shop.stack.keys.secret}` },
      }).catch((error: unknown) => ({ status: 0, text: async () => String(error) }))
      if (reply.status !== 200) failures.push(`${path}: ${reply.status} ${await reply.text()}`)
      else await reply.text()
    }
  }
  const done = Promise.all([shopper(), shopper()])
  return {
    async stop() {
      isOn = false
      await done
      return { asked, failures }
    },
  }
}

describe('models of a shop', () => {
  it('are trained, switched to and back under load, without one failed request', async () => {
    shop = await openShop({ items: 120 })
    const first = (await liveModel())!
    const load = startLoad()

    const train = await post<Run>('/v1/models/train', { recipe: RECIPE, activate: false })
    expect(train).toMatchObject({ kind: 'train', state: 'queued' })
    const trained = await eventually(() => runOf(train.id), isOver, SECONDS)
    expect(['done', 'refused']).toContain(trained.state)
    expect(trained.comparison!.queries).toBeGreaterThan(50)

    const { models: cards } = await models()
    const card = cards.find(({ runId }) => runId === train.id)!
    expect(card).toMatchObject({ id: trained.modelId, parent: null, accepted: trained.state === 'done' })
    expect(card.checksum).toMatch(/^[0-9a-f]{64}$/)
    expect(cards.map(({ id }) => id)).toContain(first.id)

    const there = await post<Run>(`/v1/models/${card.id}/activate`, { force: true })
    expect(await eventually(() => runOf(there.id), isOver, SECONDS)).toMatchObject({ state: 'done' })
    await eventually(liveModel, (model) => model!.id === card.id)
    expect(await liveModel()).toMatchObject({ trained: true, dim: 32, layers: 1 })
    const found = await eventually(
      () => shop.public.get<SearchReply>('/v1/search?q=lamp&mode=vector'),
      (reply) => reply.degraded.length === 0,
    )
    expect(found.hits.length).toBeGreaterThan(5)

    const back = await post<Run>(`/v1/models/${first.id}/activate`, {})
    expect(await eventually(() => runOf(back.id), isOver, SECONDS)).toMatchObject({ state: 'done' })
    await eventually(liveModel, (model) => model!.id === first.id)

    const { asked, failures } = await load.stop()
    expect(failures).toEqual([])
    expect(asked).toBeGreaterThan(100)
    expect((await models()).runs.map(({ id }) => id).sort()).toEqual([train.id, there.id, back.id].sort())
    const curves = await fetch(`${shop.url}/v1/runs/${train.id}/curves`, {
      headers: { authorization: `Bearer ${shop.stack.keys.secret}` },
    })
    const lines = (await curves.text()).trim().split('\n')
    const events = new Set(lines.map((line) => (JSON.parse(line) as { event: string }).event))
    for (const event of ['stage-started', 'step', 'validation', 'samples', 'stage-ended'])
      expect(events).toContain(event)
  }, 240_000)

  it('go on after their worker was killed in the middle, and the live index does not notice', async () => {
    shop = await openShop({ items: 60 })
    // The worker publishes once more when it has found the weight of the vectors.
    const before = await eventually(
      () => shop.secret.get<StatusReply>('/v1/status'),
      ({ model }) => model!.validatedOn !== null,
      SECONDS,
    )
    const recipe = { ...RECIPE, mlm: { ...RECIPE.mlm, steps: 1_500 } }
    const { id } = await post<Run>('/v1/models/train', { recipe })
    await eventually(
      () => runOf(id),
      ({ progress }) => (progress?.done ?? 0) > 10,
      SECONDS,
    )
    await shop.stack.killWorker(0)
    const after = await eventually(() => runOf(id), isOver, SECONDS)
    expect(['done', 'refused']).toContain(after.state)
    expect(after.attempts).toBeGreaterThan(1)
    expect((await shop.secret.get<StatusReply>('/v1/status')).index.version).toBe(before.index.version)
    const curves = await fetch(`${shop.url}/v1/runs/${id}/curves`, {
      headers: { authorization: `Bearer ${shop.stack.keys.secret}` },
    })
    expect(await curves.text()).toContain('"stage-resumed"')
  }, 240_000)

  it('tell what is wrong with a request, and refuse what cannot be', async () => {
    shop = await openShop({ items: 0 })
    const ask = async (path: string, body: unknown) => {
      const reply = await fetch(shop.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${shop.stack.keys.secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return reply.status
    }
    expect(await ask('/v1/models/train', { recipe: 7 })).toBe(400)
    expect(await ask('/v1/models/train', { minutesMax: -1 })).toBe(400)
    expect(await ask('/v1/models/none/activate', {})).toBe(404)
    const { id } = await post<Run>('/v1/models/train', { recipe: 'no-such' })
    const run = await eventually(() => runOf(id), isOver, SECONDS)
    expect(run.state).toBe('failed')
    expect(run.error).toContain('recipe')
  }, 120_000)
})
