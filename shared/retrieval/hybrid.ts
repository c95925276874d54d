/** @file The one hybrid search: what serves shoppers and what is validated are the same code. */
import { fuse, type Ranked } from './fusion.ts'
import type { LexicalMatch } from './lexical.ts'
import type { Index } from './load-index.ts'

/** Vector candidates; beyond these a likeness is noise. */
export const VECTOR_DEPTH = 200

/**
 * Lexical and vector matches as one list. A model that has learnt nothing may only reorder what the words found: its
 * nearest items to a query without a match are chance, and a shopper is better told that nothing was found.
 */
export function combine(
  index: Index,
  lexical: readonly LexicalMatch[],
  vector: readonly Ranked[],
  vectorWeight: number,
): Ranked[] {
  if (index.manifest.model.trained || vectorWeight === 1) return fuse(lexical, vector, vectorWeight)
  const found = new Set(lexical.map(({ doc }) => doc))
  return fuse(
    lexical,
    vector.filter(({ doc }) => found.has(doc)),
    vectorWeight,
  )
}
