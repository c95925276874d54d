/**
 * @file The index holder of a Worker with shards: a new version of a divided index serves when its shards have loaded it, and until
 * then the version before does. Requests keep the index that they began with, and so a publish or another placement loses none.
 */
import type { Index } from '../../shared/retrieval/load-index.ts'
import type { IndexHolder } from './index-holder.ts'
import type { Shards } from './shards.ts'
import type { WaitUntil } from './wait-until.ts'

export function createWarmHolder(holder: IndexHolder, shards: Pick<Shards, 'prepare'>): IndexHolder {
  let serving: Index | null = null
  let warming: { index: Index; done: Promise<void> } | null = null

  /** The wait for the newest version, null when it serves. */
  function follow(newest: Index | null, waitUntil: WaitUntil): Promise<void> | null {
    if (newest === serving) return null
    if (newest === null || serving === null || !newest.manifest.placement) {
      serving = newest
      warming = null
      return null
    }
    if (warming?.index !== newest) {
      const mine = { index: newest, done: Promise.resolve() }
      warming = mine
      mine.done = shards.prepare(newest.manifest).then(() => {
        if (warming === mine) serving = newest
      })
      waitUntil(mine.done)
    }
    return warming.done
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
  }
}
