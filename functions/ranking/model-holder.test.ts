import { beforeEach, describe, expect, it } from 'vitest'
import { createModelHolder, LOAD_RETRY_MS, LOAD_STUCK_MS } from './model-holder.ts'

let now = 0
let loads: { ref: string; finish(): void; fail(reason: string): void }[] = []
let released: string[] = []
const work: Promise<unknown>[] = []
const waitUntil = (promise: Promise<unknown>) => void work.push(promise)
const open = () =>
  createModelHolder({
    keyOf: (ref: string) => ref,
    clock: () => now,
    load: (ref: string) =>
      new Promise<{ ref: string; release(): Promise<void> }>((resolve, reject) => {
        loads.push({
          ref,
          finish: () =>
            resolve({
              ref,
              release: async () => {
                released.push(ref)
              },
            }),
          fail: (reason) => reject(new Error(reason)),
        })
      }),
  })
const settled = () => Promise.all(work.splice(0))

beforeEach(() => {
  now = 1_000_000
  loads = []
  released = []
  work.length = 0
})

describe('models of an isolate', () => {
  it('load once beside the requests that want them, which do without until they are there', async () => {
    const models = open()
    for (let request = 0; request < 5; request++)
      expect(models.get('a', waitUntil)).toEqual({ ok: false, error: { kind: 'loading' } })
    expect(loads).toHaveLength(1)
    loads[0]!.finish()
    await settled()
    expect(models.get('a', waitUntil)).toMatchObject({ ok: true, value: { ref: 'a' } })
    expect(loads).toHaveLength(1)
  })
  it('can be waited for', async () => {
    const models = open()
    const waiting = models.wait('a', waitUntil)
    loads[0]!.finish()
    expect(await waiting).toMatchObject({ ok: true, value: { ref: 'a' } })
  })
  it('that failed are tried again after a while, and not before', async () => {
    const models = open()
    models.get('a', waitUntil)
    loads[0]!.fail('R2 is down')
    await settled()
    now += LOAD_RETRY_MS
    expect(models.get('a', waitUntil)).toMatchObject({
      error: { kind: 'failed', reason: 'Error: R2 is down' },
    })
    now += 1
    expect(models.get('a', waitUntil)).toMatchObject({ error: { kind: 'loading' } })
    loads[1]!.finish()
    await settled()
    expect(models.get('a', waitUntil).ok).toBe(true)
  })
  it('whose loading was cut off with its request are loaded by another', () => {
    const models = open()
    models.get('a', waitUntil)
    now += LOAD_STUCK_MS
    models.get('a', waitUntil)
    expect(loads).toHaveLength(1)
    now += 1
    models.get('a', waitUntil)
    expect(loads).toHaveLength(2)
  })
  it('are let go when two newer ones have come', async () => {
    const models = open()
    for (const ref of ['a', 'b', 'c']) models.get(ref, waitUntil)
    for (const load of loads) load.finish()
    await settled()
    expect(released).toEqual(['a'])
    for (const ref of ['b', 'c']) expect(models.get(ref, waitUntil).ok).toBe(true)
  })
})
