/**
 * @file From judged items to the report, one item at a time: counts and a few examples are kept, not the items.
 *
 *   score of an item       100 · (1 − min(1, Σ weight of its rules)), a rule counted once
 *   score of a catalogue   mean over its items, each weighed by 1 + its views
 *   gain of a rule         what that mean would rise by if the rule alone were mended on every item
 */
import type { Finding, Item } from '../../schema/item.ts'
import {
  CATEGORIES_MAX,
  type CategoryScore,
  type CheckCount,
  EXAMPLES_MAX,
  type QualityReport,
  type ReportSection,
  type RuleCount,
  SAMPLES_MAX,
  TREND_MAX,
  type TrendPoint,
} from '../../schema/quality-report.ts'
import { judgeByLearnt, type LearntRules } from '../catalogue-rules.ts'
import { FINDINGS_PER_ITEM_MAX } from '../clean.ts'
import { judgeBy } from '../item-rule.ts'
import { ITEM_RULES } from '../item-rules.ts'
import { isApplied, repairItem } from '../repair.ts'
import { CHECKS, verdictOf } from '../rules/conformance.ts'
import { gateOf } from './gate.ts'

/** What one finding costs an item: in quarantine it is worth nothing. */
const WEIGHTS: Record<Finding['severity'], number> = { quarantine: 1, warn: 0.25, info: 0.05 }
const TEXT_CHARS_MAX = 300
/** Categories that are counted; further ones count as the last. */
const CATEGORIES_COUNTED_MAX = 20_000

export type Row = {
  id: string | null
  /** Null when the row is in quarantine. */
  item: Item | null
  /** Of cleaning. */
  findings: readonly Finding[]
  /** Times that shoppers looked at it; 0 where nobody counted. */
  views?: number
}
export type Reporter = ReturnType<typeof createReporter>

type Options = { learnt: LearntRules; nowMs: number }

export function createReporter({ learnt, nowMs }: Options) {
  const checks = CHECKS.map((check) => ({
    check,
    qualified: 0,
    unqualified: 0,
    samples: [] as CheckCount['samples'],
  }))
  const rules = new Map<string, RuleCount>()
  const categories = new Map<string, { items: number; lost: number; byRule: Map<string, number> }>()
  let received = 0
  let quarantined = 0
  let demand = 0
  let kept = 0
  let weighsViews = false

  /** As the write path repairs it; what the catalogue knows of the repaired item comes as proposals. */
  const judge = (item: Item): Finding[] => {
    const written = repairItem(item, (one) => judgeBy(ITEM_RULES, one, nowMs))
    return [...written.findings, ...judgeByLearnt(learnt, written.item)].slice(0, FINDINGS_PER_ITEM_MAX)
  }

  function countChecks(item: Item): void {
    for (const count of checks) {
      const verdict = verdictOf(count.check, item, nowMs)
      if (verdict === true) count.qualified++
      if (verdict !== false) continue
      count.unqualified++
      if (count.samples.length < SAMPLES_MAX)
        count.samples.push({ itemId: item.id, title: item.title.slice(0, TEXT_CHARS_MAX) })
    }
  }

  /** @returns weight of each rule that speaks against the row; a repair that was made speaks no more */
  function countRules(row: Row, findings: readonly Finding[]): Map<string, number> {
    const weights = new Map<string, number>()
    const seen = new Set<string>()
    for (const finding of findings) {
      if (!isApplied(finding)) weights.set(finding.rule, WEIGHTS[finding.severity])
      const count = rules.get(finding.rule) ?? newCount(finding)
      rules.set(finding.rule, count)
      if (isApplied(finding)) count.repaired++
      else if (finding.repair) count.proposed++
      if (seen.has(finding.rule)) continue
      seen.add(finding.rule)
      count.items++
      if (count.examples.length < EXAMPLES_MAX) count.examples.push(exampleOf(row, finding))
    }
    return weights
  }

  function countCategory(category: string, weights: ReadonlyMap<string, number>, lost: number): void {
    const isKnown = categories.has(category) || categories.size < CATEGORIES_COUNTED_MAX
    const key = isKnown ? category : '…'
    const count = categories.get(key) ?? { items: 0, lost: 0, byRule: new Map<string, number>() }
    categories.set(key, count)
    count.items++
    count.lost += lost
    for (const [rule, weight] of weights) count.byRule.set(rule, (count.byRule.get(rule) ?? 0) + weight)
  }

  return {
    add(row: Row): void {
      const { item, views = 0 } = row
      received++
      if (views > 0) weighsViews = true
      if (item) countChecks(item)
      else quarantined++
      const findings = item ? [...row.findings, ...judge(item)] : row.findings
      const weights = countRules(row, findings)

      const sum = [...weights.values()].reduce((total, weight) => total + weight, 0)
      const lost = Math.min(1, sum)
      demand += 1 + views
      kept += (1 + views) * (1 - lost)
      for (const [rule, weight] of weights)
        rules.get(rule)!.gain += (1 + views) * (lost - Math.min(1, Math.max(0, sum - weight)))
      if (item) countCategory(item.category.join(' > '), weights, lost)
    },

    /** Further rows in quarantine, of which only the number is known. */
    addRefused(count: number): void {
      received += count
      quarantined += count
      demand += count
    },

    /** @param trend earlier reports, oldest first */
    finish(about: {
      source: string
      /** Of a feed; null for what is in the shop already. */
      hiddenShareMax: number | null
      trend?: readonly TrendPoint[]
      sections?: readonly ReportSection[]
    }): QualityReport {
      const ofScore = (points: number) => (demand === 0 ? 0 : round((100 * points) / demand))
      return {
        version: 1,
        source: about.source,
        createdAt: new Date(nowMs).toISOString(),
        ...{ received, accepted: received - quarantined, quarantined },
        score: demand === 0 ? 100 : ofScore(kept),
        weighsViews,
        gate: about.hiddenShareMax === null ? null : gateOf(quarantined, received, about.hiddenShareMax),
        checks: checks.map(({ check: { key, sentence, threshold }, qualified, unqualified, samples }) => {
          const of = qualified + unqualified
          const passed = of === 0 ? null : 100 * qualified >= threshold * of
          return { key, sentence, qualified, unqualified, threshold, passed, samples }
        }),
        rules: [...rules.values()]
          .map((count) => ({ ...count, share: count.items / received, gain: ofScore(count.gain) }))
          .sort((a, b) => b.gain - a.gain || b.items - a.items || (a.rule < b.rule ? -1 : 1)),
        failedRules: learnt.failed,
        categories: categoryScores(categories),
        trend: [...(about.trend ?? [])].slice(-TREND_MAX),
        sections: [...(about.sections ?? [])],
      }
    },
  }
}

function newCount({ rule, severity, message, field }: Finding): RuleCount {
  return {
    ...{ rule, severity, message, field: field.startsWith('attributes.') ? 'attributes' : field },
    ...{ items: 0, share: 0, gain: 0, repaired: 0, proposed: 0, examples: [] },
  }
}

function exampleOf({ id, item }: Row, { evidence, repair }: Finding): RuleCount['examples'][number] {
  return {
    itemId: id?.slice(0, TEXT_CHARS_MAX) ?? null,
    title: item?.title.slice(0, TEXT_CHARS_MAX) ?? '',
    ...(evidence === undefined ? {} : { evidence }),
    ...(repair === undefined ? {} : { repair: shortRepair(repair) }),
  }
}

const shortRepair = (repair: NonNullable<Finding['repair']>) => ({
  ...repair,
  value: short(repair.value),
  ...(repair.original === undefined ? {} : { original: short(repair.original) }),
})
const short = <Value>(value: Value): Value | string =>
  typeof value === 'string' ? value.slice(0, TEXT_CHARS_MAX) : value

function categoryScores(
  categories: ReadonlyMap<string, { items: number; lost: number; byRule: ReadonlyMap<string, number> }>,
): CategoryScore[] {
  return [...categories]
    .sort(([a, x], [b, y]) => y.items - x.items || (a < b ? -1 : 1))
    .slice(0, CATEGORIES_MAX)
    .map(([category, { items, lost, byRule }]) => ({
      category,
      items,
      score: round(100 * (1 - lost / items)),
      worst: [...byRule].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0] ?? null,
    }))
}

const round = (value: number): number => Math.round(value * 100) / 100

/** What the next report remembers of this one. */
export const trendPoint = ({ createdAt, score, received, quarantined }: QualityReport): TrendPoint => ({
  ...{ at: createdAt, score, received, quarantined },
})
