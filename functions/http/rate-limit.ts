/** @file Calls of a key in a window of time, where the platform's counter is not bound: each isolate counts for itself. */

/** As the deployed binding in wrangler.toml. */
const CALLS_MAX = 10_000
export const PERIOD_SECONDS = 10

/**
 * Windows begin at multiples of the period, as those of the binding do; all counts are dropped together when one begins.
 *
 * @param clock unix milliseconds
 */
export function createRateLimit(
  clock: () => number,
  { callsMax = CALLS_MAX, periodSeconds = PERIOD_SECONDS } = {},
): RateLimit {
  const calls = new Map<string, number>()
  let window = Number.NEGATIVE_INFINITY
  return {
    async limit({ key }) {
      const now = Math.floor(clock() / 1_000 / periodSeconds)
      if (now !== window) calls.clear()
      window = now
      const count = (calls.get(key) ?? 0) + 1
      if (count > callsMax) return { success: false }
      calls.set(key, count)
      return { success: true }
    },
  }
}
