/**
 * @file The k best entries: higher score first, of equal scores the lower item number. A binary heap with the worst entry on
 * top, so that most offers cost one comparison.
 */
import { Entry, ENTRY_BYTES, Heap } from './layout'

@inline
export function entryAt(heap: Heap, at: u32): Entry {
  return changetype<Entry>(heap.entries + <usize>at * ENTRY_BYTES)
}

@inline
function isWorse(entry: Entry, score: f32, number: u32): bool {
  return entry.score < score || (entry.score == score && entry.number > number)
}

@inline
function put(heap: Heap, at: u32, score: f32, number: u32, doc: u32): void {
  const entry = entryAt(heap, at)
  entry.score = score
  entry.number = number
  entry.doc = doc
}

@inline
function move(heap: Heap, from: u32, to: u32): void {
  const entry = entryAt(heap, from)
  put(heap, to, entry.score, entry.number, entry.doc)
}

/** Keep an entry if it is among the best. */
export function offer(heap: Heap, score: f32, number: u32, doc: u32): void {
  if (heap.size < heap.capacity) {
    let at = heap.size
    heap.size = at + 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = entryAt(heap, parent)
      if (isWorse(above, score, number)) break
      move(heap, parent, at)
      at = parent
    }
    put(heap, at, score, number, doc)
    return
  }
  if (heap.capacity > 0 && isWorse(entryAt(heap, 0), score, number))
    sink(heap, heap.size, score, number, doc)
}

/** Replace the top of the first `size` entries, and restore their order. */
function sink(heap: Heap, size: u32, score: f32, number: u32, doc: u32): void {
  let at: u32 = 0
  for (;;) {
    let child: u32 = 2 * at + 1
    if (child >= size) break
    if (child + 1 < size) {
      const right = entryAt(heap, child + 1)
      if (isWorse(right, entryAt(heap, child).score, entryAt(heap, child).number)) child++
    }
    const below = entryAt(heap, child)
    if (!isWorse(below, score, number)) break
    move(heap, child, at)
    at = child
  }
  put(heap, at, score, number, doc)
}

/** Best first. It is no heap any more then. */
export function sortHeap(heap: Heap): void {
  for (let end = heap.size; end > 1; ) {
    end--
    const last = entryAt(heap, end)
    const score = last.score
    const number = last.number
    const doc = last.doc
    move(heap, 0, end)
    sink(heap, end, score, number, doc)
  }
}

/** Share of a score by which single precision may be off, and more. */
const MARGIN: f64 = 1.0 / <f64>(1 << 20)

/**
 * What dot · scale of a row must reach, so that its exact score may be among the best. Computed in single precision the product
 * is off by 2⁻²³ at most, so that nothing is lost that is not first compared exactly.
 */
export function boundOf(heap: Heap, queryScale: f64): f32 {
  if (heap.capacity == 0) return f32.MAX_VALUE
  if (heap.size < heap.capacity) return -f32.MAX_VALUE
  const worst = <f64>entryAt(heap, 0).score / queryScale
  return <f32>(worst - abs(worst) * MARGIN)
}
