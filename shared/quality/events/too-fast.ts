/** @file The one rule that is decided at once, at the door and where events are counted: nobody acts so fast by hand. */

/** More deliberate events than this of one shopper within the window are not a person's. */
export const FAST_EVENTS_MAX = 60
export const FAST_WINDOW_MS = 10_000

/** @param times Unix milliseconds of one shopper's acts, sorted here */
export function isTooFast(times: number[]): boolean {
  times.sort((a, b) => a - b)
  return times.some((time, index) => {
    const later = times[index + FAST_EVENTS_MAX]
    return later !== undefined && later - time <= FAST_WINDOW_MS
  })
}
