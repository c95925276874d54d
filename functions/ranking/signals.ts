/** @file Popular, bought-together and searched-for lists as the ranking reads them. */

import { err, ok, type Result } from '../../shared/lib/result.ts'
import { Signals } from '../../shared/schema/events.ts'

export type LoadedSignals = {
  /** Item number and decayed count, most popular first. */
  popular: readonly (readonly [number: number, score: number])[]
  /** Partners of an item number, best first. */
  together: ReadonlyMap<number, readonly (readonly [number: number, score: number])[]>
  /** What several shoppers searched for, most first. */
  queries: readonly (readonly [text: string, shoppers: number])[]
}

export const NO_SIGNALS: LoadedSignals = { popular: [], together: new Map(), queries: [] }

export function readSignals(text: string): Result<LoadedSignals, string> {
  try {
    const { popular, together, queries } = Signals.parse(JSON.parse(text))
    return ok({
      popular,
      queries,
      together: new Map(Object.entries(together).map(([number, partners]) => [Number(number), partners])),
    })
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error))
  }
}
