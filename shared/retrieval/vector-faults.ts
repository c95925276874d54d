import type { Index } from './load-index.ts'

/** In `degraded` of a reply that used vectors: likenesses of some items are estimates, or some items are found by words only. */
export type VectorFault = 'vectors-estimated' | 'vectors-missing'

/** What memory was too short for. Empty where all is well. */
export const vectorFaultsOf = ({ engine, segments }: Index): VectorFault[] => {
  const faults = new Set<VectorFault>()
  for (const { part } of segments) {
    const shortfall = engine.shortfall(part)
    if (shortfall) faults.add(`vectors-${shortfall}`)
  }
  return [...faults].sort()
}
