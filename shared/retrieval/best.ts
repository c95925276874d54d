/** @file The best of many scored documents, kept in a heap while they come. */

type Scored = { doc: number; score: number; found: number }

/** Best first: higher scores, then lower item numbers. Arrays are kept from search to search, which one thread does one by one. */
export class Best {
  private size = 0
  private limit = 0
  /** Slots of the documents; none is better than those below it. */
  private heap = new Int32Array()
  private docs = new Int32Array()
  private numbers = new Uint32Array()
  private scores = new Float32Array()
  private founds = new Uint32Array()

  /** Empty, for the `limit` best of what comes. */
  reset(limit: number): void {
    this.size = 0
    this.limit = limit
    if (limit <= this.docs.length) return
    this.heap = new Int32Array(limit)
    this.docs = new Int32Array(limit)
    this.numbers = new Uint32Array(limit)
    this.scores = new Float32Array(limit)
    this.founds = new Uint32Array(limit)
  }

  /** What a document must score to come in: less never does, as much may, by its number. */
  get threshold(): number {
    if (this.size < this.limit) return Number.NEGATIVE_INFINITY
    return this.limit === 0 ? Number.POSITIVE_INFINITY : this.scores[this.heap[0]!]!
  }

  offer(doc: number, number: number, score: number, found: number): void {
    const { heap, size, limit } = this
    if (size < limit) {
      this.fill(size, doc, number, score, found)
      heap[size] = size
      this.size = size + 1
      // A heap matters once something can be pushed out.
      if (this.size === limit) for (let at = (limit >> 1) - 1; at >= 0; at--) this.siftDown(at, limit)
    } else if (limit > 0) {
      const worst = heap[0]!
      const least = this.scores[worst]!
      if (score < least || (score === least && number > this.numbers[worst]!)) return
      this.fill(worst, doc, number, score, found)
      this.siftDown(0, limit)
    }
  }

  /** Takes everything out, best first. */
  drain(): Scored[] {
    const { docs, scores, founds, numbers, size } = this
    this.size = 0
    return Array.from(
      this.heap.subarray(0, size).sort((a, b) => scores[b]! - scores[a]! || numbers[a]! - numbers[b]!),
      (slot) => ({ doc: docs[slot]!, score: scores[slot]!, found: founds[slot]! }),
    )
  }

  private fill(slot: number, doc: number, number: number, score: number, found: number): void {
    this.docs[slot] = doc
    this.numbers[slot] = number
    this.scores[slot] = score
    this.founds[slot] = found
  }

  private siftDown(from: number, size: number): void {
    const { heap, scores, numbers } = this
    const slot = heap[from]!
    const score = scores[slot]!
    const number = numbers[slot]!
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      let below = heap[child]!
      if (child + 1 < size) {
        const other = heap[child + 1]!
        const difference = scores[other]! - scores[below]!
        if (difference < 0 || (difference === 0 && numbers[other]! > numbers[below]!)) {
          child++
          below = other
        }
      }
      const own = scores[below]!
      if (own > score || (own === score && numbers[below]! < number)) break
      heap[at] = below
      at = child
    }
    heap[at] = slot
  }
}
