/** @file The rules that every write passes. One more is one file in `rules/` and one line here. */
import type { ItemRule } from './item-rule.ts'
import { CONFORMANCE_RULES } from './rules/conformance.ts'
import { gtinRule } from './rules/gtin.ts'
import { imageRule } from './rules/image.ts'
import { mixedScriptRule } from './rules/mixed-script.ts'
import { titleRule } from './rules/title.ts'

export const ITEM_RULES: readonly ItemRule[] = [
  ...CONFORMANCE_RULES,
  titleRule,
  mixedScriptRule,
  gtinRule,
  imageRule,
]
