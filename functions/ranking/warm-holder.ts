/**
 * @file The index holder of a Worker with shards: a new version of a divided index serves when its shards have loaded it, and until
 * then the version before does. Requests keep the index that they began with, and so a publish or another placement loses none.
 */
import type { Index } from '../../shared/retrieval/load-index.ts'
import { FAULT_RETRY_MS, type IndexHolder } from './index-holder.ts'
import type { Shards } from './shards.ts'
import type { WaitUntil } from './wait-until.ts'

type Deps = {
  holder: IndexHolder
  shards: Pick<Shards, 'prepare'>
  /** Unix milliseconds. */
  clock: () => number
}
/** A version that the shards are loading, or could not load. */
type Warming = { index: Index; startedMs: number; done: Promise<void>; faults: string[] }

export function createWarmHolder({ holder, shards, clock }: Deps): IndexHolder {
  let serving: Index | null = null
  let warming: Warming | null = null

  /** The wait for the newest version, null when it serves. */
  function follow(newest: Index | null, waitUntil: WaitUntil): Promise<void> | null {
    if (newest === serving) return null
    if (newest === null || serving === null || !newest.manifest.placement) {
      serving = newest
      warming = null
      return null
    }
    const isSame = warming?.index === newest
    const isRetried = warming && warming.faults.length > 0 && clock() - warming.startedMs >= FAULT_RETRY_MS
    if (!warming || !isSame || isRetried) warming = warm(newest, waitUntil)
    return warming.done
  }

  function warm(index: Index, waitUntil: WaitUntil): Warming {
    const mine: Warming = { index, startedMs: clock(), done: Promise.resolve(), faults: [] }
    mine.done = shards.prepare(index.manifest).then((faults) => {
      mine.faults = faults
      if (warming !== mine || faults.length > 0) return
      serving = index
      warming = null
    })
    waitUntil(mine.done)
    return mine
  }

  const ignore: WaitUntil = () => {}
  return {
    ...holder,
    async current(waitUntil = ignore) {
      follow(await holder.current(waitUntil), waitUntil)
      return serving
    },
    async fresh(waitUntil = ignore) {
      await follow(await holder.fresh(waitUntil), waitUntil)
      return serving
    },
    held: () => serving,
    fault: () =>
      holder.fault() ?? (warming?.faults.length ? `not loaded: ${warming.faults.join(', ')}` : null),
  }
}
