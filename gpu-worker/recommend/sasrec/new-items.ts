/**
 * @file How much room items without events get. The softmax pushes every item down that was shown and not chosen; one that was never
 * there is pushed by nobody, and would take the places of items that are known to sell.
 */
import type { NextItemModel } from '../next-item.ts'

const TOP = 10

export type NewItemsOptions = {
  /** By item, whether it has no events. */
  isNew: readonly boolean[]
  histories: readonly Uint32Array[]
  /** Share of the first ten places of these histories that new items may take, [0, 1]. */
  share: number
}

/**
 * The factor in (0, 1] by which vectors of new items are to be shortened, so that they take no more than their share. A new item at
 * score s comes before the tenth of the others, at score b, if factor · s > b: the factor is the n-th smallest of all b / s, n
 * the places that are theirs.
 *
 * Targets are not looked at: it is the same for histories that the model has learnt from.
 */
export async function shorteningOf(
  model: NextItemModel,
  { isNew, histories, share }: NewItemsOptions,
): Promise<number> {
  const ratios: number[] = []
  for (const [at, scores] of (await model.score(histories)).entries()) {
    for (const item of histories[at]!) scores[item] = Number.NEGATIVE_INFINITY
    const tenth = scores
      .filter((_, item) => !isNew[item])
      .sort()
      .at(-TOP)
    if (tenth === undefined || tenth <= 0) continue
    scores.forEach((score, item) => {
      if (isNew[item] && score > tenth) ratios.push(tenth / score)
    })
  }
  const places = Math.floor(share * TOP * histories.length)
  return ratios.sort((a, b) => a - b)[places] ?? 1
}
