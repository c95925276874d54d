/** @file `GET /healthz` for the platform, and beats over IPC for the local supervisor. Both come from the main thread. */
import { createServer, type Server } from 'node:http'
import type { Provider } from './runtime/session.ts'

export type Health = {
  state: 'starting' | 'idle' | 'working' | 'stopping'
  jobsDone: number
  itemsEncoded: number
  modelId: string | null
  /** Where the encoder really runs. */
  provider: Provider | null
}
const BEAT_MS = 1_000

/** @returns the port that was taken, and how to stop */
export async function serveHealth(health: Health, port: number): Promise<{ port: number; close(): void }> {
  const report = () => ({ ...health, rssBytes: process.memoryUsage.rss() })
  const server: Server = createServer((request, reply) => {
    const known = request.method === 'GET' && request.url === '/healthz'
    reply.writeHead(known ? 200 : 404, { 'content-type': 'application/json' })
    reply.end(JSON.stringify(known ? report() : { error: 'not found' }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
  const address = server.address()
  const taken = typeof address === 'object' && address ? address.port : port
  const beat = setInterval(() => process.send?.({ type: 'beat', healthPort: taken, ...report() }), BEAT_MS)
  process.send?.({ type: 'beat', healthPort: taken, ...report() })
  return {
    port: taken,
    close() {
      clearInterval(beat)
      server.close()
      server.closeAllConnections()
    },
  }
}
