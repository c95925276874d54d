/** @file The thread in which a session runs, so that the main thread goes on beating. Started by `threaded-encoder.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../shared/lib/result.ts'
import { type Encoder, type EncoderRecipe, openEncoder } from './encoder.ts'
import type { EncodeReply, EncodeRequest } from './messages.ts'

assert(parentPort, 'runs as a worker thread')
const port = parentPort
const reply = (message: EncodeReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)

/** A failure that we cannot name ends the thread: the other side then fails every request that waits. */
async function serve(encoder: Encoder, request: EncodeRequest): Promise<void> {
  if (request.kind === 'close') {
    await encoder.close()
    port.close()
    return
  }
  try {
    const rows = await encoder.encode(request.texts)
    const vectors = new Float32Array(rows.length * encoder.dim)
    rows.forEach((row, index) => {
      vectors.set(row, index * encoder.dim)
    })
    reply({ kind: 'vectors', requestId: request.requestId, vectors }, [vectors.buffer])
  } catch (cause) {
    reply({ kind: 'failed', requestId: request.requestId, reason: String(cause) })
  }
}

const encoder = await openEncoder(workerData as EncoderRecipe)
// One after the other, in the order of arrival: a session gains nothing from two runs at once.
let last = Promise.resolve()
port.on('message', (request: EncodeRequest) => {
  last = last.then(() => serve(encoder, request))
})
reply({ kind: 'ready' })
