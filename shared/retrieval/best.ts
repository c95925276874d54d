/** @file The best of many scored documents, kept in a heap while they come. */

/** Best first: higher scores, then lower item numbers. Arrays are kept from search to search, which one thread does one by one. */
export class Best {
  size = 0
  private limit = 0
  private docs = new Int32Array()
  private numbers = new Uint32Array()
  private scores = new Float32Array()
  private founds = new Uint32Array()

  /** Empty, for the `limit` best of what comes. */
  reset(limit: number): void {
    this.size = 0
    this.limit = limit
    if (limit <= this.docs.length) return
    this.docs = new Int32Array(limit)
    this.numbers = new Uint32Array(limit)
    this.scores = new Float32Array(limit)
    this.founds = new Uint32Array(limit)
  }

  /** What a document must score to come in: less never does, as much may, by its number. */
  get threshold(): number {
    return this.size < this.limit
      ? Number.NEGATIVE_INFINITY
      : this.limit === 0
        ? Number.POSITIVE_INFINITY
        : this.scores[0]!
  }

  offer(doc: number, number: number, score: number, found: number): void {
    if (this.size < this.limit) this.siftUp(this.size++, doc, number, score, found)
    else if (this.limit > 0 && this.isWorse(0, number, score)) this.siftDown(doc, number, score, found)
  }

  /** Takes everything out, best first. */
  drain(): { doc: number; score: number; found: number }[] {
    const drained = new Array(this.size)
    while (this.size > 0) {
      const last = --this.size
      drained[last] = { doc: this.docs[0]!, score: this.scores[0]!, found: this.founds[0]! }
      this.siftDown(this.docs[last]!, this.numbers[last]!, this.scores[last]!, this.founds[last]!)
    }
    return drained
  }

  /** Is the entry at `at` behind a document with this score and number? */
  private isWorse(at: number, number: number, score: number): boolean {
    const own = this.scores[at]!
    return own < score || (own === score && this.numbers[at]! > number)
  }

  private siftUp(from: number, doc: number, number: number, score: number, found: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      // The worst is at the root, so a parent that is not worse moves down.
      if (this.isWorse(parent, number, score)) break
      this.move(parent, at)
      at = parent
    }
    this.set(at, doc, number, score, found)
  }

  /** Puts a document into the place of the root. */
  private siftDown(doc: number, number: number, score: number, found: number): void {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.size) break
      if (child + 1 < this.size && this.isWorse(child + 1, this.numbers[child]!, this.scores[child]!)) child++
      if (!this.isWorse(child, number, score)) break
      this.move(child, at)
      at = child
    }
    this.set(at, doc, number, score, found)
  }

  private move(from: number, to: number): void {
    this.set(to, this.docs[from]!, this.numbers[from]!, this.scores[from]!, this.founds[from]!)
  }

  private set(at: number, doc: number, number: number, score: number, found: number): void {
    this.docs[at] = doc
    this.numbers[at] = number
    this.scores[at] = score
    this.founds[at] = found
  }
}
