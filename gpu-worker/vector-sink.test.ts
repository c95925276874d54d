/** @file What is sent to Vectorize, to a server that speaks its paths. It has not met the real one. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { quantiseItem } from '../shared/vector/quantise.ts'
import { createVectorizeSink } from './vector-sink.ts'

type Request = { path: string; type: string; key: string; body: string }
let server: Server
let requests: Request[]
let status: number
beforeEach(async () => {
  requests = []
  status = 200
  server = createServer((request, reply) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { authorization: key = '', 'content-type': type = '' } = request.headers
      requests.push({ path: request.url!, type, key, body })
      reply.writeHead(status).end('{"success":true,"result":{"mutationId":"m"}}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => {
  server.close()
})
const open = () =>
  createVectorizeSink({
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ account: 'a', index: 'items', token: 'secret' },
  })

it('sends vectors as lines of JSON, in batches that the API takes', async () => {
  const vector = quantiseItem(Float32Array.of(0.6, 0.8, 0, 0))
  await open().upsert(
    'model-1',
    Array.from({ length: 5_001 }, (_, at) => ({ number: at + 1, version: 2, vector })),
  )
  expect(requests.map(({ body }) => body.trim().split('\n').length)).toEqual([5_000, 1])
  expect(requests[0]).toMatchObject({
    path: '/accounts/a/vectorize/v2/indexes/items/upsert',
    type: 'application/x-ndjson',
    key: 'Bearer secret',
  })
  const last = JSON.parse(requests[1]!.body)
  expect(last).toMatchObject({ id: '5001.2', namespace: 'model-1' })
  expect(last.values[1]).toBeCloseTo(0.8, 2)
})
it('removes by ids', async () => {
  await open().remove([{ number: 7, version: 1 }])
  expect(requests[0]).toMatchObject({ path: '/accounts/a/vectorize/v2/indexes/items/delete_by_ids' })
  expect(JSON.parse(requests[0]!.body)).toEqual({ ids: ['7.1'] })
})
it('sends nothing for nothing, and says what the API refused', async () => {
  await open().upsert('m', [])
  expect(requests).toEqual([])
  status = 429
  await expect(open().remove([{ number: 1, version: 1 }])).rejects.toThrow('429')
})
