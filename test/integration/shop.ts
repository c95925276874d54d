/** @file A real stack in a folder of its own with part of the sample shop in it: what integration tests stand on. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../../infra/cli/client.ts'
import { importRows } from '../../infra/cli/import.ts'
import { type Stack, startStack } from '../../infra/local/stack.ts'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'

export type SampleItem = { id: string; title: string }
export type Shop = {
  url: string
  stack: Stack
  secret: Client
  public: Client
  items: SampleItem[]
  /** Run one worker with --drain, as a platform that scales to zero does. `log`: names of its log events. */
  drainOnce(): Promise<{ code: number | null; log: string[] }>
  close(): Promise<void>
}

/** @param items how many of the sample's items to import and wait for; they are spread over the whole catalogue */
export async function openShop({
  items: count,
  workers = 1,
  leaseSeconds = 30,
}: {
  items: number
  workers?: number
  leaseSeconds?: number
}): Promise<Shop> {
  const stateDir = mkdtempSync(join(tmpdir(), 'aisle-test-'))
  const stack = await startStack({
    stateDir,
    port: 0,
    workers,
    quiet: true,
    leaseSeconds,
    sampleShoppers: [],
  })
  const secret = createClient(stack.url, stack.keys.secret)
  const all = sampleCatalogue() as SampleItem[]
  const step = Math.max(1, Math.floor(all.length / Math.max(1, count)))
  const items = all.filter((_, index) => index % step === 0).slice(0, count)
  if (count > 0)
    await importRows(
      secret,
      items.map((item, done) => ({ item, done, total: count })),
      { wait: true, quiet: true },
    )
  return {
    url: stack.url,
    stack,
    secret,
    public: createClient(stack.url, stack.keys.public),
    items,
    drainOnce: () => drainOnce(stack.workerEnvironment()),
    async close() {
      await stack.stop()
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

async function drainOnce(env: Record<string, string>): Promise<{ code: number | null; log: string[] }> {
  const child = spawn(process.execPath, ['gpu-worker/index.ts', '--drain'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const log = text.split('\n').filter((line) => line.startsWith('{'))
  return { code, log: log.map((line) => (JSON.parse(line) as { event: string }).event) }
}

/**
 * Ask until the answer is as wanted. Time is the system's own; the bound is only there so that a test ends.
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (value: T) => boolean,
  seconds = 30,
): Promise<T> {
  const deadline = Date.now() + seconds * 1_000
  for (;;) {
    const value = await ask()
    if (wanted(value)) return value
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s; last: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
