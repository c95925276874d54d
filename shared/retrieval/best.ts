/** @file The best of many scored documents, kept in a heap while they come. */

type Scored = { doc: number; score: number; found: number }

/** A key holds the 31 bits of a positive float, or the 32 of a number, and a slot: 53 bits, exact in a double. */
const SLOTS = 2 ** 21
const slotOf = (key: number): number => key - SLOTS * Math.floor(key / SLOTS)

/** Best first: higher scores, then lower item numbers. Arrays are kept from search to search, which one thread does one by one. */
export class Best {
  private size = 0
  private limit = 0
  /** Slots of the documents; none is better than those below it. Their scores lie beside them, because a heap compares little else. */
  private heap = new Int32Array()
  private scores = new Float32Array()
  /** By slot. */
  private docs = new Int32Array()
  private numbers = new Uint32Array()
  private founds = new Uint32Array()
  private keys = new Float64Array()

  /** Empty, for the `limit` best of what comes, at most SLOTS; scores are above 0. */
  reset(limit: number): void {
    this.size = 0
    this.limit = limit
    if (limit <= this.docs.length) return
    this.heap = new Int32Array(limit)
    this.scores = new Float32Array(limit)
    this.docs = new Int32Array(limit)
    this.numbers = new Uint32Array(limit)
    this.founds = new Uint32Array(limit)
    this.keys = new Float64Array(limit)
  }

  /** What a document must score to come in: less never does, as much may, by its number. */
  get threshold(): number {
    if (this.size < this.limit) return Number.NEGATIVE_INFINITY
    return this.limit === 0 ? Number.POSITIVE_INFINITY : this.scores[0]!
  }

  offer(doc: number, number: number, score: number, found: number): void {
    const { heap, scores, size, limit } = this
    if (size < limit) {
      heap[size] = size
      scores[size] = score
      this.fill(size, doc, number, found)
      this.size = size + 1
      // A heap matters once something can be pushed out.
      if (this.size === limit) for (let at = (limit >> 1) - 1; at >= 0; at--) this.siftDown(at, limit)
    } else if (limit > 0) {
      const least = scores[0]!
      if (score < least || (score === least && number > this.numbers[heap[0]!]!)) return
      scores[0] = score
      this.fill(heap[0]!, doc, number, found)
      this.siftDown(0, limit)
    }
  }

  /** Takes everything out, best first. */
  drain(): Scored[] {
    const { size, heap, scores, keys, docs, founds } = this
    this.size = 0
    // Positive floats are in the order of their bits; below them the slot, so that numbers alone are sorted, which needs no comparator.
    const bits = new Int32Array(scores.buffer)
    for (let at = 0; at < size; at++) keys[at] = bits[at]! * SLOTS + heap[at]!
    keys.subarray(0, size).sort()
    for (let rank = 0; rank < size; rank++) {
      const key = keys[size - 1 - rank]!
      heap[rank] = slotOf(key)
      bits[rank] = key / SLOTS
    }
    this.orderTies(size)
    const drained: Scored[] = []
    for (let rank = 0; rank < size; rank++) {
      const slot = heap[rank]!
      drained.push({ doc: docs[slot]!, score: scores[rank]!, found: founds[slot]! })
    }
    return drained
  }

  /** Puts the slots of each run of equal scores in the order of their numbers. */
  private orderTies(size: number): void {
    const { heap, scores, numbers, keys } = this
    for (let from = 0; from < size; ) {
      let to = from + 1
      while (to < size && scores[to] === scores[from]) to++
      if (to - from > 1) {
        for (let at = from; at < to; at++) keys[at] = numbers[heap[at]!]! * SLOTS + heap[at]!
        keys.subarray(from, to).sort()
        for (let at = from; at < to; at++) heap[at] = slotOf(keys[at]!)
      }
      from = to
    }
  }

  private fill(slot: number, doc: number, number: number, found: number): void {
    this.docs[slot] = doc
    this.numbers[slot] = number
    this.founds[slot] = found
  }

  private siftDown(from: number, size: number): void {
    const { heap, scores, numbers } = this
    const slot = heap[from]!
    const score = scores[from]!
    const number = numbers[slot]!
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      let least = scores[child]!
      if (child + 1 < size) {
        const other = scores[child + 1]!
        if (other < least || (other === least && numbers[heap[child + 1]!]! > numbers[heap[child]!]!)) {
          child++
          least = other
        }
      }
      if (least > score || (least === score && numbers[heap[child]!]! < number)) break
      heap[at] = heap[child]!
      scores[at] = least
      at = child
    }
    heap[at] = slot
    scores[at] = score
  }
}
