/** @file The k items with the highest scores. */

/**
 * @param scores f32[items]
 * @param above  only scores higher than this
 * @returns      items, best first; equal scores are ordered by item
 */
export function strongest(
  scores: Float32Array,
  limit: number,
  above = Number.NEGATIVE_INFINITY,
  skip?: ReadonlySet<number>,
): Uint32Array {
  const items = new Uint32Array(limit)
  const best = new Float32Array(limit)
  let size = 0
  let least = above
  for (let item = 0; item < scores.length; item++) {
    const score = scores[item]!
    // Equal to the least of a full list, a later item does not come in.
    if (!(score > least) || skip?.has(item)) continue
    let at = size < limit ? size++ : limit - 1
    while (at > 0 && best[at - 1]! < score) {
      best[at] = best[at - 1]!
      items[at] = items[at - 1]!
      at--
    }
    best[at] = score
    items[at] = item
    if (size === limit) least = best[limit - 1]!
  }
  return items.subarray(0, size)
}
