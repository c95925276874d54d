import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Run } from '../../shared/schema/models.ts'
import type { Client } from './client.ts'
import { publishRanker } from './publish-ranker.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aisle-publish-'))
  await writeFile(join(folder, 'ranker.onnx'), 'model')
  await writeFile(join(folder, 'ranker.json'), JSON.stringify({ format: 1, features: ['vector'] }))
})
afterAll(() => rm(folder, { recursive: true }))

/** An Aisle whose worker ends every run at once. */
function clientThat(end: Partial<Run>) {
  const asked: [string, unknown][] = []
  const run: Run = {
    id: 'r',
    kind: 'use-ranker',
    state: 'queued',
    requestedAt: new Date(0).toISOString(),
    attempts: 0,
  }
  const answer = (path: string, body: unknown, reply: unknown) => {
    asked.push([path, body])
    return Promise.resolve(reply as never)
  }
  const client: Client = {
    url: 'http://shop.test',
    get: (path) => answer(path, null, { ...run, ...end }),
    post: (path, body) => answer(path, body, run),
    put: (path, body) => answer(path, JSON.parse(body), run),
    delete: (path) => answer(path, null, run),
  }
  return { client, asked }
}

it('sends the model with its features and waits until it is used', async () => {
  const { client, asked } = clientThat({ state: 'done' })
  expect((await publishRanker(client, folder)).state).toBe('done')
  const model = Buffer.from('model').toString('base64')
  expect(asked[0]).toEqual(['/v1/ranker', { features: ['vector'], model }])
  expect(asked[1]![0]).toBe('/v1/runs/r')
})

it('says why a ranker was not taken', async () => {
  const { client } = clientThat({ state: 'failed', error: 'The ranker gives logits.' })
  await expect(publishRanker(client, folder)).rejects.toThrow('The ranker gives logits.')
})

it('goes back to the weights set by hand', async () => {
  const { client, asked } = clientThat({ state: 'done' })
  await publishRanker(client, null)
  expect(asked[0]).toEqual(['/v1/ranker', null])
})

it('names a folder that has no ranker', async () => {
  const { client } = clientThat({ state: 'done' })
  await expect(publishRanker(client, join(folder, 'none'))).rejects.toThrow('is not a folder of')
})
