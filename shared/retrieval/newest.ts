/** @file What came to the shop last. */
import { isOpen } from '../vector/engine.ts'
import type { Ranked } from './fusion.ts'
import type { DocMask, Index } from './load-index.ts'

/** How many of an index are looked through for those that may be shown. */
const NEWEST_KEPT = 1_000
const kept = new WeakMap<Index, readonly Ranked[]>()

/** Live documents by item number, the highest first, which is also the score; among the last `NEWEST_KEPT` that came. */
export function newestDocs(index: Index, limit: number, accept: DocMask): Ranked[] {
  const all = kept.get(index) ?? newestOf(index, NEWEST_KEPT)
  kept.set(index, all)
  const found: Ranked[] = []
  for (const one of all) {
    if (found.length === limit) break
    if (isOpen(accept, one.doc)) found.push(one)
  }
  return found
}

/** Looks at the highest numbers first, in windows that grow until they hold enough. */
function newestOf({ docCount, live, number }: Index, count: number): Ranked[] {
  let highest = 0
  for (let doc = 0; doc < docCount; doc++) if (live[doc] === 1) highest = Math.max(highest, number(doc))
  for (let window = 2 * count; ; window *= 4) {
    const found: Ranked[] = []
    for (let doc = 0; doc < docCount; doc++)
      if (live[doc] === 1 && number(doc) > highest - window) found.push({ doc, score: number(doc) })
    if (found.length < count && window < highest) continue
    return found.sort((a, b) => b.score - a.score).slice(0, count)
  }
}
