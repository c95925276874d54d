/** @file From item numbers to documents. An open hash table: a request asks it hundreds of times, and a Map is slower and larger. */

export type DocTable = {
  readonly bytes: number
  /** Document of a number; undefined where there is none. */
  get(number: number): number | undefined
  set(number: number, doc: number): void
  /** In no order. */
  docs(): Iterable<number>
}

/**
 * At most two thirds full, so that few places are looked at: 6 to 12 bytes a document, where a Map takes about 40.
 *
 * @param countMax documents that it has to hold
 * @param numberOf number of a document that it holds
 * Source: Knuth, The Art of Computer Programming 3, 6.4: linear probing, multiplicative hashing.
 */
export function createDocTable(countMax: number, numberOf: (doc: number) => number): DocTable {
  const bits = Math.max(1, 32 - Math.clz32(countMax + (countMax >>> 1)))
  const places = new Int32Array(2 ** bits).fill(-1)
  const last = places.length - 1
  /** Where a number is, or would be. Numbers are given one by one, and 2³² / golden ratio spreads neighbours evenly. */
  const placeOf = (number: number): number => {
    let place = Math.imul(number, 0x9e3779b1) >>> (32 - bits)
    while (places[place]! >= 0 && numberOf(places[place]!) !== number) place = (place + 1) & last
    return place
  }
  return {
    bytes: places.byteLength,
    get(number) {
      const doc = places[placeOf(number)]!
      return doc < 0 ? undefined : doc
    },
    set(number, doc) {
      places[placeOf(number)] = doc
    },
    docs: () => places.filter((doc) => doc >= 0),
  }
}
