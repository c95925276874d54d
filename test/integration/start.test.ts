/** @file `aisle` as a user runs it: start, import, ask, stop; kill -9 and start again; faults told in one sentence. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isAlive } from '../../infra/local/processes.ts'
import type { StatusReply } from '../../shared/schema/replies.ts'
import { eventually } from './shop.ts'

const ROOT = join(import.meta.dirname, '../..')
const CLI = join(ROOT, 'infra/cli/aisle.ts')
let folder: string
const running = new Set<ChildProcess>()
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aisle-start-'))
  writeFileSync(
    join(folder, 'shop.csv'),
    'sku,name,eur,path\r\na1,"Red lamp, small",1299,Home > Lamps\r\na2,Blue chair,4550,Home > Chairs\r\na3,,100,Home\r\n',
  )
  writeFileSync(
    join(folder, 'shop.ndjson.gz'),
    gzipSync('{"sku":"b1","name":"Green rug","eur":900}\n{"sku":\n'),
  )
  writeFileSync(
    join(folder, 'map.json'),
    JSON.stringify({
      fields: {
        id: 'sku',
        title: 'name',
        price: { from: 'eur', minorUnits: 2 },
        currency: { constant: 'EUR' },
        category: { from: 'path', split: ' > ' },
      },
    }),
  )
})
afterEach(async () => {
  for (const child of running) await kill(child, 'SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string) => join(folder, name)
const state = () => file('state')

function launch(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}
async function kill(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** Run to the end. */
async function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = launch(...args)
  let out = ''
  let err = ''
  child.stdout!.on('data', (chunk) => {
    out += chunk
  })
  child.stderr!.on('data', (chunk) => {
    err += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, out, err }
}
const ask = async <T>(...args: string[]): Promise<T> => {
  const { code, out, err } = await run(...args, '--state', state(), '--json')
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out.trim().split('\n').at(-1)!) as T
}

/** Start and wait for the line `ready URL`. */
async function start(...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = launch('start', '--state', state(), '--port', '0', '--no-sample', ...args)
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      output += chunk
      const ready = /^ready (http:\/\/127\.0\.0\.1:\d+)$/m.exec(output)
      if (ready) resolve(ready[1]!)
    }
    child.stdout!.on('data', look)
    child.stderr!.on('data', look)
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)))
  })
  return { child, url }
}
const lockOf = () =>
  JSON.parse(readFileSync(join(state(), 'lock.json'), 'utf8')) as {
    children: { pid: number }[]
    owner: { pid: number }
  }

describe('a stack that is started', () => {
  it('serves, imports CSV and gzipped NDJSON, answers from the terminal, and leaves no process behind', async () => {
    const { child } = await start()
    expect(statSync(join(state(), 'keys.json')).mode & 0o077).toBe(0)
    expect(Object.keys(JSON.parse(readFileSync(join(state(), 'keys.json'), 'utf8'))).sort()).toEqual([
      'public',
      'secret',
    ])

    const imported = await ask<Record<string, number>>(
      'import',
      file('shop.csv'),
      '--map',
      file('map.json'),
      '--wait',
    )
    expect(imported).toEqual({
      received: 3,
      accepted: 2,
      quarantined: 1,
      duplicates: 0,
      searchable: 2,
      seconds: expect.any(Number),
    })
    const more = await ask<Record<string, number>>(
      'import',
      file('shop.ndjson.gz'),
      '--map',
      file('map.json'),
      '--wait',
    )
    expect(more).toMatchObject({ received: 2, accepted: 1, quarantined: 1, searchable: 1 })

    const found = await ask<{ hits: { id: string; price: number; category: string[] }[] }>('search', 'lamp')
    expect(found.hits).toMatchObject([{ id: 'a1', price: 12.99, category: ['Home', 'Lamps'] }])
    expect((await ask<{ hits: unknown[] }>('recommend', '--user', 'ada')).hits).toHaveLength(3)
    expect((await ask<{ hits: { id: string }[] }>('similar', 'a1')).hits.map(({ id }) => id)).not.toContain(
      'a1',
    )
    expect((await ask<StatusReply>('status')).items).toMatchObject({
      accepted: 3,
      searchable: 3,
      quarantined: 2,
    })
    const table = await run('search', 'lamp', '--state', state())
    expect(table.out).toContain('Red lamp, small')
    expect(table.out).toContain("matches 'lamp'")

    const busy = await run('start', '--state', state(), '--port', '0', '--no-sample')
    expect(busy.code).toBe(1)
    expect(busy.err).toMatch(/^aisle: The state folder ".*" is in use by process \d+.*\n$/)

    const pids = lockOf().children.map(({ pid }) => pid)
    expect(pids.length).toBe(2)
    await kill(child, 'SIGINT')
    expect(pids.filter(isAlive)).toEqual([])
    expect(existsSync(join(state(), 'lock.json'))).toBe(false)
  }, 120_000)

  it('continues where it was after a stop, and after kill -9 of everything, without encoding again', async () => {
    const first = await start()
    const before = await ask<StatusReply>('status')
    expect(before.items.searchable).toBe(3)
    const orphans = lockOf().children.map(({ pid }) => pid)
    await kill(first.child, 'SIGKILL')

    const second = await start()
    expect(orphans.filter(isAlive)).toEqual([])
    const after = await ask<StatusReply>('status')
    expect(after.items).toEqual(before.items)
    expect(after.index.version).toBe(before.index.version)
    expect((await ask<{ hits: { id: string }[] }>('search', 'rug')).hits[0]!.id).toBe('b1')

    // Also when workerd and the worker were killed first and the rest later.
    for (const { pid } of lockOf().children) process.kill(pid, 'SIGKILL')
    await kill(second.child, 'SIGKILL')
    const third = await start()
    expect((await ask<StatusReply>('status')).items).toEqual(before.items)
    await kill(third.child, 'SIGTERM')
  }, 120_000)

  it('replaces a killed worker while it runs', async () => {
    const { child, url } = await start()
    const { secret } = JSON.parse(readFileSync(join(state(), 'keys.json'), 'utf8')) as { secret: string }
    const [, worker] = lockOf().children
    process.kill(worker!.pid, 'SIGKILL')
    const reply = await fetch(`${url}/v1/items`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify([{ id: 'late', title: 'Late arrival' }]),
    })
    expect(reply.status).toBe(202)
    await eventually(
      () => ask<{ hits: { id: string }[] }>('search', 'arrival'),
      ({ hits }) => hits[0]?.id === 'late',
    )
    await kill(child, 'SIGINT')
  }, 120_000)
})

describe('faults are one clear sentence and an exit code', () => {
  it.each([
    [
      'nothing runs',
      ['status', '--url', 'http://127.0.0.1:9', '--key', 'k'],
      /Cannot reach http:\/\/127\.0\.0\.1:9/,
    ],
    ['no state folder', ['status', '--state', '/nonexistent'], /No running Aisle found/],
    [
      'a map that is missing',
      ['import', 'x.csv', '--map', '/nonexistent', '--url', 'http://x', '--key', 'k'],
      /field map/,
    ],
    ['only half of a pair', ['start', '--catalog', 'x'], /--catalog and --map belong together/],
    ['a number that is none', ['search', 'x', '--limit', 'ten'], /whole number from 1 to 100/],
    ['an unknown command', ['dance'], /unknown command/],
    ['a missing argument', ['similar'], /missing required argument/],
  ])('%s', async (_name, args, words) => {
    const { code, err, out } = await run(...args)
    expect(code).not.toBe(0)
    expect(err).toMatch(words)
    expect(err).not.toMatch(/\n\s+at /)
    expect(out).toBe('')
  })
  it('a port that is taken', async () => {
    const { createServer } = await import('node:net')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { code, err } = await run('start', '--state', file('other'), '--port', String(port), '--no-sample')
    server.close()
    expect(code).toBe(1)
    expect(err).toContain(`Port ${port} is in use`)
  })
  it.each([
    [],
    ['start'],
    ['import'],
    ['search'],
    ['recommend'],
    ['similar'],
    ['status'],
    ['eval', 'search'],
    ['keys', 'create'],
  ])('help for %s %s', async (...command) => {
    const { code, out } = await run(...command.filter((word) => word !== undefined), '--help')
    expect(code).toBe(0)
    expect(out).toContain('Usage: aisle')
  })
})
