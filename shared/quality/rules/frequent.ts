/** @file Which keys come often, in bounded memory, whatever the number of different keys. */

/**
 * Counts by key. When there are more than `keysMax`, the rarest are dropped: a key that comes often is there again soon, and
 * what it lost is at most what was dropped at once.
 * Source: lossy counting, Manku and Motwani, VLDB 2002.
 */
export function createFrequent<Key>(keysMax: number) {
  const counts = new Map<Key, number>()
  return {
    add(key: Key): void {
      counts.set(key, (counts.get(key) ?? 0) + 1)
      if (counts.size <= keysMax) return
      // To half, so that the next look at all of them is as many keys away.
      for (let floor = 1; counts.size > keysMax / 2; floor++)
        for (const [known, count] of counts) if (count <= floor) counts.delete(known)
    },
    /** Keys that came at least `countMin` times, most first, at most `max`. */
    most(countMin: number, max: number): [Key, number][] {
      return [...counts]
        .filter(([, count]) => count >= countMin)
        .sort(([, a], [, b]) => b - a)
        .slice(0, max)
    },
  }
}

/** 53 bits of a text, for use as a key: two texts of a million meet with a chance of one in ten thousand. */
export function hashText(text: string): number {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(high ^ unit, 2_654_435_761)
    low = Math.imul(low ^ unit, 1_597_334_677)
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909)
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909)
  return 4_294_967_296 * (2_097_151 & low) + (high >>> 0)
}
