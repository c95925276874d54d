/** @file The rules that learn from the catalogue. One more is one file in `rules/`, `outliers/` or `impute/` and one line here or there. */
import type { Finding, Item } from '../schema/item.ts'
import type { CatalogueRule } from './catalogue-rule.ts'
import { IMPUTE_RULES } from './impute/rules.ts'
import { isolated } from './item-rule.ts'
import { OUTLIER_RULES } from './outliers/rules.ts'
import { boilerplateRule } from './rules/boilerplate.ts'
import { currencyRule } from './rules/currency.ts'
import { languageRule } from './rules/language.ts'
import { requiredAttributesRule } from './rules/required-attributes.ts'
import { sharedImageRule } from './rules/shared-image.ts'
import { unitsRule } from './rules/units.ts'

export const CATALOGUE_RULES: readonly CatalogueRule[] = [
  requiredAttributesRule,
  currencyRule,
  unitsRule,
  languageRule,
  sharedImageRule,
  boilerplateRule,
  ...OUTLIER_RULES,
  ...IMPUTE_RULES,
]

/** What each rule learnt, by its name; a rule that threw while it learnt, with the reason. */
export type LearntRules = { learnt: Record<string, unknown>; failed: Record<string, string> }

/** The first pass. A rule that throws learns nothing more, and the others go on. */
export function startLearning(rules: readonly CatalogueRule[] = CATALOGUE_RULES) {
  const failed: Record<string, string> = {}
  const attempt = <T>(rule: CatalogueRule, work: () => T): T | undefined => {
    if (Object.hasOwn(failed, rule.name)) return undefined
    try {
      return work()
    } catch (error) {
      failed[rule.name] = error instanceof Error ? error.message : String(error)
      return undefined
    }
  }
  const learners = rules.map((rule) => ({ rule, learner: attempt(rule, () => rule.start()) }))
  return {
    see(item: Item): void {
      for (const { rule, learner } of learners) attempt(rule, () => learner!.see(item))
    },
    learn(): LearntRules {
      const learnt: Record<string, unknown> = {}
      for (const { rule, learner } of learners) {
        const value = attempt(rule, () => learner!.learn())
        if (!Object.hasOwn(failed, rule.name)) learnt[rule.name] = value
      }
      return { learnt, failed }
    },
  }
}

/** The second pass: findings of all rules that learnt something. */
export const judgeByLearnt = (
  { learnt }: LearntRules,
  item: Item,
  rules: readonly CatalogueRule[] = CATALOGUE_RULES,
): Finding[] =>
  rules
    .filter(({ name }) => Object.hasOwn(learnt, name))
    .flatMap((rule) => isolated(rule.name, () => rule.judge(learnt[rule.name], item)))
