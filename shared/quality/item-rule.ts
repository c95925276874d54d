/** @file A rule that judges a clean item by itself, without the catalogue: it runs on every write at the edge. */
import type { Finding, Item } from '../schema/item.ts'
import { findingOf, type RuleText } from './rules.ts'

export type ItemRule = {
  /** Kebab-case, unique; names the rule where it fails itself. */
  name: string
  /** Pure, and at most linear in the size of the item. */
  judge(item: Item, nowMs: number): Finding[]
}

const RULE_FAILED: RuleText = {
  name: 'rule-failed',
  severity: 'info',
  message: 'A rule of Aisle broke on this item and said nothing; the others did.',
}

/** Findings of `judge`; when it throws, the one finding that says so: a fault of one rule takes no other with it. */
export function isolated(name: string, judge: () => Finding[]): Finding[] {
  try {
    return judge()
  } catch (error) {
    return [findingOf(RULE_FAILED, '', `${name}: ${error instanceof Error ? error.message : String(error)}`)]
  }
}

/** Findings of all rules on one item. */
export const judgeBy = (rules: readonly ItemRule[], item: Item, nowMs: number): Finding[] =>
  rules.flatMap((rule) => isolated(rule.name, () => rule.judge(item, nowMs)))
