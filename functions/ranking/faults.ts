/** @file Named faults of this isolate since its start, counted: what an operator sets an alert on. */

/** Names of shards are among them, so there may be many; what comes after is counted under one name. */
export const FAULT_NAMES_MAX = 128
const OTHERS = 'other'

/** `last`: ISO 8601. */
export type FaultCount = { name: string; count: number; last: string }
/** Called once for each fault, with its name: "shard-2-timeout", "segment-corrupt". */
export type CountFault = (name: string) => void
export type Faults = {
  count: CountFault
  /** Most first, equal ones by name. */
  list(): FaultCount[]
  /** Faults counted since the last call of this. */
  taken(): number
}

/** @param clock Unix milliseconds */
export function createFaults(clock: () => number): Faults {
  const faults = new Map<string, { count: number; lastMs: number }>()
  let fresh = 0
  return {
    count(name) {
      fresh++
      const key = faults.has(name) || faults.size < FAULT_NAMES_MAX - 1 ? name : OTHERS
      faults.set(key, { count: (faults.get(key)?.count ?? 0) + 1, lastMs: clock() })
    },
    list: () =>
      [...faults]
        .map(([name, { count, lastMs }]) => ({ name, count, last: new Date(lastMs).toISOString() }))
        .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)),
    taken() {
      const count = fresh
      fresh = 0
      return count
    },
  }
}

/** Of a reply: what it lacks because something is wrong. A model that is still loading in a cold isolate is not. */
export const isFault = (degraded: string): boolean => !degraded.endsWith('-loading')
