/** @file `Encoder` whose session runs in a thread of its own: `encode` waits without blocking the caller's event loop. */
import { Worker } from 'node:worker_threads'
import { assert } from '../../shared/lib/result.ts'
import { type Encoder, type EncoderOptions, prepareEncoder } from './encoder.ts'
import type { EncodeReply, EncodeRequest } from './messages.ts'

type Waiting = { resolve(vectors: Float32Array[]): void; reject(reason: Error): void }

/**
 * Rejects when the model cannot be loaded. If the thread dies later, every `encode` that waits, and every later one,
 * rejects: the caller gives its job back to the queue and makes a new encoder.
 */
export async function createThreadedEncoder(options: EncoderOptions): Promise<Encoder> {
  const recipe = prepareEncoder(options)
  const { dim, provider } = recipe
  const thread = new Worker(new URL('./worker-thread.ts', import.meta.url), {
    workerData: recipe,
    transferList: [recipe.model.buffer],
  })
  const waiting = new Map<number, Waiting>()
  let nextId = 0
  let dead: Error | null = null
  const post = (request: EncodeRequest) => thread.postMessage(request)
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()))

  const die = (reason: Error) => {
    dead ??= reason
    for (const { reject } of waiting.values()) reject(dead)
    waiting.clear()
  }
  await new Promise<void>((resolve, reject) => {
    thread.once('message', (reply: EncodeReply) => {
      assert(reply.kind === 'ready', 'the encoder thread is ready first')
      resolve()
    })
    thread.once('error', reject)
    thread.once('exit', (code) =>
      reject(new Error(`the encoder thread ended with code ${code} before it was ready`)),
    )
  })

  thread.on('message', (reply: EncodeReply) => {
    assert(reply.kind !== 'ready', 'the encoder thread is ready once')
    const request = waiting.get(reply.requestId)
    assert(request, `the encoder thread answers request ${reply.requestId}`)
    waiting.delete(reply.requestId)
    if (reply.kind === 'failed') return request.reject(new Error(reply.reason))
    const count = reply.vectors.length / dim
    request.resolve(
      Array.from({ length: count }, (_, row) => reply.vectors.subarray(row * dim, (row + 1) * dim)),
    )
  })
  thread.on('error', (cause) => die(cause as Error))
  thread.on('exit', (code) => die(new Error(`the encoder thread ended with code ${code}`)))

  return {
    dim,
    provider,
    encode: (texts) =>
      new Promise((resolve, reject) => {
        if (dead) return reject(dead)
        const requestId = nextId++
        waiting.set(requestId, { resolve, reject })
        post({ kind: 'encode', requestId, texts })
      }),
    /** Lets requests under way finish first. */
    close: async () => {
      if (!dead) post({ kind: 'close' })
      await exited
    },
  }
}
