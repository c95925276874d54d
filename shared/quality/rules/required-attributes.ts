/** @file Attributes that nearly all items of a category have are what shoppers filter by there: an item without drops out. */
import type { Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { percentOf } from './shares.ts'

const MISSING: RuleText = {
  name: 'missing-attribute',
  severity: 'info',
  message: 'Nearly all items of the category have this attribute, and this one does not.',
}
const SHARE_MIN = 0.8
/** Fewer siblings say little about what is usual. */
const SIBLINGS_MIN = 20
const CATEGORIES_MAX = 5_000
/** What four in five have is among the first names that a category shows. */
const NAMES_PER_CATEGORY_MAX = 500

/** Category path, joined → items, and of each required attribute how many have it. */
type Learnt = Record<string, { items: number; required: Record<string, number> }>

export const requiredAttributesRule: CatalogueRule<Learnt> = {
  name: 'missing-attribute',
  start() {
    const categories = new Map<string, { items: number; names: Map<string, number> }>()
    return {
      see(item) {
        for (const path of pathsOf(item)) {
          let category = categories.get(path)
          if (!category) {
            if (categories.size === CATEGORIES_MAX) continue
            category = { items: 0, names: new Map() }
            categories.set(path, category)
          }
          category.items++
          for (const name of Object.keys(item.attributes)) {
            const count = category.names.get(name)
            if (count !== undefined || category.names.size < NAMES_PER_CATEGORY_MAX)
              category.names.set(name, (count ?? 0) + 1)
          }
        }
      },
      learn() {
        const learnt: Learnt = {}
        for (const [path, { items, names }] of categories) {
          if (items < SIBLINGS_MIN) continue
          const required = [...names].filter(([, count]) => count >= SHARE_MIN * items)
          learnt[path] = { items, required: Object.fromEntries(required) }
        }
        return learnt
      },
    }
  },
  judge(learnt, item) {
    // The nearest level with enough siblings knows best.
    const path = pathsOf(item).findLast((one) => Object.hasOwn(learnt, one))
    if (path === undefined) return []
    const { items, required } = learnt[path]!
    return Object.entries(required)
      .filter(([name]) => !Object.hasOwn(item.attributes, name))
      .map(([name, count]) =>
        findingOf(
          MISSING,
          `attributes.${name}`,
          `${percentOf({ count, of: items })} items of "${path}" have it`,
        ),
      )
  },
}

/** Every level of the category path, from the root; none for an item without a category. */
const pathsOf = ({ category }: Item): string[] =>
  category.map((_, depth) => category.slice(0, depth + 1).join(' > '))
