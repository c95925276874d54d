/** @file The write path: clean a raw item, judge it by every rule that needs no other item, and repair what is sure. */
import type { Finding, Item } from '../schema/item.ts'
import { cleanItem, FINDINGS_PER_ITEM_MAX } from './clean.ts'
import { judgeBy } from './item-rule.ts'
import { ITEM_RULES } from './item-rules.ts'
import { isApplied, repairItem } from './repair.ts'

/**
 * Like `cleanItem`, with the verdicts of `ITEM_RULES`. Of those only what a person should see, or what was repaired, is
 * kept: the others can be said again at any time from the item, and would be stored with nearly every one.
 *
 * @param raw any JSON value
 */
export function assessItem(raw: unknown, nowMs: number): { item: Item | null; findings: Finding[] } {
  const clean = cleanItem(raw)
  if (clean.item === null) return clean
  const { item, findings } = repairItem(clean.item, (one) => judgeBy(ITEM_RULES, one, nowMs))
  const room = FINDINGS_PER_ITEM_MAX - clean.findings.length
  const kept = findings.filter((one, at) => isApplied(one) || (one.severity !== 'info' && at < room))
  return { item, findings: [...clean.findings, ...kept] }
}
