/**
 * @file Items' texts as short vectors: the directions in which the words of a catalogue differ most.
 *
 *   A[item, term] = ln(items / items with the term), rows at length 1;   t = A Q,   Q an orthonormal base of the largest right
 *   singular directions of A
 *
 * Terms are the words of the title, pairs of neighbours among them, and the labels (brand, categories), these apart from words.
 * Source: Deerwester et al., JASIS 41(6), 1990; the base by subspace iteration as in Halko, Martinsson, Tropp, SIAM Review 53(2),
 * 2011, algorithm 4.4.
 */
import { createRandom, gaussian } from '../../../shared/lib/random.ts'
import { analyse } from '../../../shared/text/analyse.ts'
import type { ItemText } from '../item-text.ts'
import { choleskyFactor, gramOf, solveRows, type Vectors } from './vectors.ts'

/** A term of fewer items joins nothing. */
const ITEMS_PER_TERM_MIN = 3
const ITERATIONS = 3

/** Rows of terms with their weights. */
type Row = { terms: Uint32Array; weights: Float64Array }

/** @param size numbers of a vector; fewer where there are fewer terms, none where no two items share one */
export function textVectors(
  items: readonly ItemText[],
  { size, seed }: { size: number; seed: number },
): Vectors {
  const { rows, terms } = weighTerms(items.map(termsOf))
  const width = Math.min(size, terms, items.length)
  if (width === 0) return { size: 0, data: new Float32Array(0) }
  const random = createRandom(seed)
  let base = Float64Array.from({ length: terms * width }, () => gaussian(random))
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    base = transposedProduct(rows, product(rows, base, width), terms, width)
    solveRows(choleskyFactor(gramOf(base, width), width), base, width)
  }
  return { size: width, data: Float32Array.from(product(rows, base, width)) }
}

function termsOf({ title, labels }: ItemText): string[] {
  const words = analyse(title)
  const pairs = words.slice(1).map((word, at) => `${words[at]} ${word}`)
  return [...new Set([...words, ...pairs, ...labels.map((label) => `label ${label}`)])]
}

function weighTerms(documents: readonly (readonly string[])[]): { rows: Row[]; terms: number } {
  const counts = new Map<string, number>()
  for (const terms of documents) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  const numbers = new Map<string, number>()
  for (const [term, count] of counts)
    if (count >= ITEMS_PER_TERM_MIN && count < documents.length) numbers.set(term, numbers.size)
  const rows = documents.map((terms): Row => {
    const kept = terms.filter((term) => numbers.has(term))
    const weights = Float64Array.from(kept, (term) => Math.log(documents.length / counts.get(term)!))
    const length = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0)) || 1
    return {
      terms: Uint32Array.from(kept, (term) => numbers.get(term)!),
      weights: weights.map((weight) => weight / length),
    }
  })
  return { rows, terms: numbers.size }
}

/** A Q: f64[items, width] */
function product(rows: readonly Row[], base: Float64Array, width: number): Float64Array {
  const result = new Float64Array(rows.length * width)
  rows.forEach(({ terms, weights }, row) => {
    terms.forEach((term, at) => {
      addScaled(result, row * width, base, term * width, width, weights[at]!)
    })
  })
  return result
}

/** Aᵀ Y: f64[terms, width] */
function transposedProduct(
  rows: readonly Row[],
  y: Float64Array,
  terms: number,
  width: number,
): Float64Array<ArrayBuffer> {
  const result = new Float64Array(terms * width)
  rows.forEach(({ terms: own, weights }, row) => {
    own.forEach((term, at) => {
      addScaled(result, term * width, y, row * width, width, weights[at]!)
    })
  })
  return result
}

function addScaled(
  target: Float64Array,
  to: number,
  source: Float64Array,
  from: number,
  count: number,
  scale: number,
): void {
  for (let i = 0; i < count; i++) target[to + i]! += scale * source[from + i]!
}
