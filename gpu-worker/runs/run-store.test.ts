/** @file Claims on runs: one worker at a time, taken over from one that fell silent, given up after too many tries. */
import { describe, expect, it } from 'vitest'
import { type Run, runKey } from '../../shared/schema/models.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { ATTEMPTS_MAX, createRunStore, STALE_MS } from './run-store.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const queued = (id: string, second: number): Run => ({
  id,
  kind: 'train',
  state: 'queued',
  requestedAt: new Date(START + second * 1_000).toISOString(),
  attempts: 0,
})
async function storeWith(...runs: Run[]) {
  const blobs = createMemoryBlobStore()
  const clock = { nowMs: START }
  for (const run of runs) await blobs.put(runKey(run.id), new TextEncoder().encode(JSON.stringify(run)))
  return { clock, runs: createRunStore(blobs, () => clock.nowMs) }
}

describe('runs', () => {
  it('are claimed in the order in which they were asked for, one at a time', async () => {
    const { runs } = await storeWith(queued('b', 2), queued('a', 1))
    expect((await runs.claim())?.id).toBe('a')
    expect(await runs.claim()).toBeNull()
    await runs.update('a', { state: 'done' })
    expect((await runs.claim())?.id).toBe('b')
  })
  it('go to one of several workers that claim at once', async () => {
    const { runs } = await storeWith(queued('a', 1))
    const claims = await Promise.all(Array.from({ length: 5 }, () => runs.claim()))
    expect(claims.filter(Boolean)).toHaveLength(1)
  })
  it('are not begun side by side by workers that claim at once', async () => {
    const { runs } = await storeWith(queued('a', 1), queued('b', 2))
    const claims = await Promise.all(Array.from({ length: 5 }, () => runs.claim()))
    expect(claims.flatMap((run) => run?.id ?? [])).toEqual(['a'])
  })
  it('are taken over when their worker is silent for long enough, not before', async () => {
    const { runs, clock } = await storeWith(queued('a', 1))
    await runs.claim()
    clock.nowMs += STALE_MS - 1
    expect(await runs.claim()).toBeNull()
    clock.nowMs += 1
    expect(await runs.claim()).toMatchObject({ id: 'a', attempts: 2 })
  })
  it('are given up when each of their workers dies', async () => {
    const { runs, clock } = await storeWith(queued('a', 1))
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      expect(await runs.claim()).not.toBeNull()
      clock.nowMs += STALE_MS
    }
    expect(await runs.claim()).toBeNull()
    expect(await runs.update('a', {})).toMatchObject({ state: 'failed', attempts: ATTEMPTS_MAX })
  })
  it('keep what was written last, however slow the write before was', async () => {
    const { runs } = await storeWith(queued('a', 1))
    await runs.claim()
    await Promise.all([
      runs.update('a', { progress: { stage: 'mlm', done: 1, total: 2 } }),
      runs.update('a', { state: 'done' }),
    ])
    expect(await runs.update('a', {})).toMatchObject({ state: 'done', progress: { done: 1 } })
  })
})
