/** @file What is popular now: counted events that fade with time. */
import type { CandidateSource, Found, SourceContext } from './source.ts'

const CANDIDATES = 200

export const trendingSource: CandidateSource = {
  feature: 'popular',
  numbers: ({ signals }) => signals.popular.map(([number]) => number),
  find: popularOf,
}

/** Most popular first; score = log(1 + count) / log(1 + highest count). */
export function popularOf({
  items,
  signals,
  accept,
}: Pick<SourceContext, 'items' | 'signals' | 'accept'>): Found[] {
  const found: Found[] = []
  const scale = Math.log1p(signals.popular[0]?.[1] ?? 1)
  for (const [number, count] of signals.popular) {
    const doc = items.docOfNumber(number)
    if (doc === undefined || !accept(doc)) continue
    found.push({ doc, score: scale > 0 ? Math.log1p(count) / scale : 1 })
    if (found.length === CANDIDATES) break
  }
  return found
}
