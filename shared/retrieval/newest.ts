/** @file What came to the shop last. */
import { isOpen } from '../vector/engine.ts'
import type { Ranked } from './fusion.ts'
import type { DocMask, Index } from './load-index.ts'

/** How many of an index are at hand; only where too few of them may be shown are the others looked at. */
const NEWEST_KEPT = 1_000
const kept = new WeakMap<Index, readonly Ranked[]>()

/** Live documents that may be shown by item number, the highest first, which is also the score. */
export function newestDocs(index: Index, limit: number, accept: DocMask): Ranked[] {
  const last = kept.get(index) ?? newestOf(index, NEWEST_KEPT)
  kept.set(index, last)
  const found: Ranked[] = []
  for (const one of last) {
    if (found.length === limit) return found
    if (isOpen(accept, one.doc)) found.push(one)
  }
  return last.length < index.liveCount ? newestAccepted(index, accept).slice(0, limit) : found
}

function newestAccepted({ live, number }: Index, accept: DocMask): Ranked[] {
  const found: Ranked[] = []
  accept.forEach((bits, word) => {
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      const doc = 32 * word + 31 - Math.clz32(rest & -rest)
      if (live[doc] === 1) found.push({ doc, score: number(doc) })
    }
  })
  return found.sort((a, b) => b.score - a.score)
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
