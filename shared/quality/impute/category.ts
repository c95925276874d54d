/** @file The rule that gives a category to items without one, as far down the shop's own tree as it can be told. */
import type { Finding, Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { createReservoir } from '../learn/reservoir.ts'
import { finding } from '../rules.ts'
import {
  type CategoryTree,
  guessCategory,
  type LabelledItem,
  labelled,
  learnCategories,
} from './category-tree.ts'

/** What is believed less than this is not said. */
const CONFIDENCE_MIN = 0.8
const ITEMS_MAX = 20_000
const SEED = 23

export const missingCategory: CatalogueRule<CategoryTree | null> = {
  name: 'missing-category',
  start() {
    const items = createReservoir<LabelledItem>(ITEMS_MAX, SEED)
    return {
      see: (item) => items.offer(labelled(item)),
      learn: () => learnCategories(items.values),
    }
  },
  judge(tree: CategoryTree | null, item: Item): Finding[] {
    if (tree === null || item.category.length > 0) return []
    const best = guessCategory(tree, item).findLast(({ confidence }) => confidence >= CONFIDENCE_MIN)
    if (best === undefined) return []
    const { path: value, confidence } = best
    return [finding('imputed-category', 'category', value.join(' > '), { value, confidence })]
  },
}
