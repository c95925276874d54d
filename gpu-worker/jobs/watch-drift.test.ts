/** @file A snapshot a day is kept of the published index, and the newest two are compared. */
import { expect, it } from 'vitest'
import { daySnapshot } from '../../shared/quality/drift/snapshots.ts'
import { fixtureManifest, fixtureSegment } from '../../shared/retrieval/fixture.ts'
import { DRIFT_KEY, SNAPSHOTS_MAX } from '../../shared/schema/drift.ts'
import { indexedState } from '../indexing/plan-delta.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { createWatchDrift, LOOK_MS } from './watch-drift.ts'

const DAY = 86_400_000
const shop = async (version: number, price: number) => {
  const segment = await fixtureSegment(
    Array.from({ length: 120 }, (_, at) => ({
      ...{
        id: `i${at}`,
        title: `Lamp number ${at}`,
        brand: at % 2 ? 'Nord' : 'Sona',
        category: ['Home', 'Lamps'],
      },
      price: price * (1 + (at % 17) / 10),
      vector: Float32Array.of(1, (at % 5) / 10, (at % 3) / 10, 0),
    })),
  )
  return {
    manifest: fixtureManifest([segment.ref], { version }),
    segments: [segment],
    state: indexedState([segment]),
  }
}
const open = () => {
  let now = Date.UTC(2026, 9, 1, 12)
  const blobs = createMemoryBlobStore()
  return {
    blobs,
    watch: createWatchDrift({ blobs, nowMs: () => now }),
    wait: (ms: number) => {
      now += ms
    },
  }
}

it('one catalogue after another: steady when it stays, an alert when its prices change', async () => {
  const { watch, wait } = open()
  const first = await watch.catalogue(await shop(1, 20))
  expect(first).toMatchObject({ feed: null, feeds: [{ rows: 120, vectors: { count: 120, modelId: 'm1' } }] })
  wait(DAY)
  const second = await watch.catalogue(await shop(2, 20))
  expect(second!.feed!.readings.every(({ level }) => level === 'steady')).toBe(true)
  wait(DAY)
  const third = await watch.catalogue(await shop(3, 200))
  expect(third!.feed!.readings[0]).toMatchObject({ field: 'price', level: 'alert' })
  expect(third!.feed!.readings.filter(({ level }) => level !== 'steady')).toHaveLength(1)
})

it('looks only at what changed and not all the time, and keeps one snapshot a day and a month of them', async () => {
  const { watch, wait } = open()
  expect(await watch.catalogue(await shop(1, 20))).not.toBeNull()
  expect(await watch.catalogue(await shop(2, 20))).toBeNull()
  wait(LOOK_MS)
  expect(await watch.catalogue(await shop(1, 20))).toBeNull()
  expect((await watch.catalogue(await shop(2, 20)))!.feeds).toHaveLength(1)
  let kept = 0
  for (let day = 0; day < SNAPSHOTS_MAX + 3; day++) {
    wait(DAY)
    kept = (await watch.catalogue(await shop(day + 3, 20)))!.feeds.length
  }
  expect(kept).toBe(SNAPSHOTS_MAX)
})

it('days of events are kept beside it, and a file that cannot be read is begun anew', async () => {
  const { watch, blobs } = open()
  await blobs.put(DRIFT_KEY, new TextEncoder().encode('nonsense'))
  const day = (date: string, kind: 'view' | 'purchase') =>
    daySnapshot(
      Array.from({ length: 200 }, (_, at) => ({ kind: at % 3 ? kind : ('click' as const), user: `u${at}` })),
      date,
      0,
    )
  await watch.catalogue(await shop(1, 20))
  await watch.days([day('2026-10-01', 'view')])
  const file = await watch.days([day('2026-09-30', 'view'), day('2026-10-02', 'purchase')])
  expect(file!.days.map(({ date }) => date)).toEqual(['2026-09-30', '2026-10-01', '2026-10-02'])
  expect(file!.day!.readings[0]).toMatchObject({ field: 'event kinds', level: 'alert' })
  expect(file!.feeds).toHaveLength(1)
  expect(await watch.days([])).toBeNull()
})
