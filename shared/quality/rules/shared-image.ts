/** @file One image on many items shows a logo or a placeholder, whatever its name. */
import type { CatalogueRule } from '../catalogue-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { createFrequent } from './frequent.ts'

const SHARED: RuleText = {
  name: 'shared-image',
  severity: 'warn',
  message: 'The same image stands on many different items, so it shows none of them.',
}
/** A few items may be one product in several packs. */
const ITEMS_MIN = 5
const URLS_MAX = 200_000
const KEPT_MAX = 5_000

/** Address → items that have it. */
type Learnt = Record<string, number>

export const sharedImageRule: CatalogueRule<Learnt> = {
  name: 'shared-image',
  start() {
    const urls = createFrequent<string>(URLS_MAX)
    return {
      see({ image, variantOf }) {
        // Sizes of one shirt may share its photograph.
        if (image !== '' && variantOf === undefined) urls.add(image)
      },
      learn: () => Object.fromEntries(urls.most(ITEMS_MIN, KEPT_MAX)),
    }
  },
  judge(learnt, { image, variantOf }) {
    if (image === '' || variantOf !== undefined || !Object.hasOwn(learnt, image)) return []
    return [findingOf(SHARED, 'image', `on ${learnt[image]} items: ${image}`)]
  },
}
