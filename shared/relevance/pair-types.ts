/** @file Which part of a pair a token belongs to, and whether the other part has it too: what a small model would learn last. */

/** Rows that the table of token types needs. */
export const PAIR_TYPES = 4

/**
 * Token types of [CLS] query [SEP] title [SEP]: 0 in the query, 1 in the title; 2 and 3 where the other side has the same
 * token. The first two are BERT's own.
 *
 * @param ids token ids with both [SEP]
 */
export function pairTypes(ids: Int32Array, sepId: number): Uint8Array {
  const titleFrom = ids.indexOf(sepId) + 1
  const query = new Set(ids.subarray(1, titleFrom - 1))
  const title = new Set(ids.subarray(titleFrom, ids.length - 1))
  return Uint8Array.from(ids, (id, at) => {
    const isTitle = at >= titleFrom
    if (at === 0 || id === sepId) return isTitle ? 1 : 0
    return isTitle ? (query.has(id) ? 3 : 1) : title.has(id) ? 2 : 0
  })
}
