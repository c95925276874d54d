/**
 * @file The index holder of a Worker with shards: a new version of a divided index serves when its shards have loaded it, and until
 * then the version before does. Requests keep the index that they began with, and so a publish or another placement loses none.
 */
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { CountFault } from './faults.ts'
import { CHECK_STUCK_MS, FAULT_RETRY_MS, type IndexHolder } from './index-holder.ts'
import type { Shards } from './shards.ts'
import type { WaitUntil } from './wait-until.ts'

type Deps = {
  holder: IndexHolder
  shards: Pick<Shards, 'prepare'>
  /** Unix milliseconds. */
  clock: () => number
  countFault?: CountFault
}
/** A version that the shards are loading, or could not load. */
type Warming = { index: Index; startedMs: number; done: Promise<void>; faults: string[] }

export function createWarmHolder({ holder, shards, clock, countFault = () => {} }: Deps): IndexHolder {
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
    if (warming?.index !== newest || isOver(warming)) warming = warm(newest, waitUntil)
    return warming.done
  }

  /** Failed a while ago, or its request was cut off while it waited: worth another try. */
  const isOver = ({ startedMs, faults }: Warming): boolean =>
    clock() - startedMs >= (faults.length > 0 ? FAULT_RETRY_MS : CHECK_STUCK_MS)

  function warm(index: Index, waitUntil: WaitUntil): Warming {
    const mine: Warming = { index, startedMs: clock(), done: Promise.resolve(), faults: [] }
    mine.done = shards.prepare(index.manifest).then((faults) => {
      mine.faults = faults
      for (const name of faults) countFault(`load-${name}`)
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
