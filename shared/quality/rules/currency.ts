/** @file One shop, one currency: a price in another is a price that nobody can compare. */
import type { CatalogueRule } from '../catalogue-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { percentOf, type Usual, usualOf } from './shares.ts'

const UNUSUAL: RuleText = {
  name: 'unusual-currency',
  severity: 'warn',
  message: 'The price is in another currency than nearly all prices of the catalogue.',
}
const MISSING: RuleText = {
  name: 'missing-currency',
  severity: 'info',
  message: 'The price has no currency, and nearly all prices of the catalogue have the same one.',
}
const PRICES_MIN = 20
const SHARE_MIN = 0.95
const CURRENCIES_MAX = 200

export const currencyRule: CatalogueRule<Usual<string> | null> = {
  name: 'currency',
  start() {
    const counts = new Map<string, number>()
    return {
      see({ price, currency }) {
        if (price === null || currency === null) return
        if (counts.has(currency) || counts.size < CURRENCIES_MAX)
          counts.set(currency, (counts.get(currency) ?? 0) + 1)
      },
      learn: () => usualOf(counts, PRICES_MIN, SHARE_MIN),
    }
  },
  judge(usual, { price, currency }) {
    if (usual === null || price === null || currency === usual.value) return []
    const evidence = `${percentOf(usual)} prices are in ${usual.value}`
    if (currency !== null) return [findingOf(UNUSUAL, 'currency', `${currency}; ${evidence}`)]
    // One more that differs is as likely as if it had been seen once.
    const confidence = usual.count / (usual.of + 1)
    return [findingOf(MISSING, 'currency', evidence, { value: usual.value, confidence })]
  },
}
