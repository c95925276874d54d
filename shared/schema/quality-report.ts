/** @file The quality report: what a feed or a catalogue looks like to the rules, and what to mend first. */
import { z } from 'zod'
import { Finding, Repair, SEVERITIES } from './item.ts'

/** Where the worker puts the newest report of the shop. */
export const QUALITY_KEY = 'quality/latest.json'

/** Rows in quarantine, which only the edge knows: how many, and what was found in the newest of them. */
export const REFUSED_KEY = 'quality/refused.json'
export const REFUSED_ROWS_MAX = 500
export const Refused = z.object({
  total: z.int().nonnegative(),
  rows: z
    .array(z.object({ itemId: z.string().nullable(), findings: z.array(Finding) }))
    .max(REFUSED_ROWS_MAX),
})
export type Refused = z.infer<typeof Refused>

export const SAMPLES_MAX = 100
export const EXAMPLES_MAX = 10
export const CATEGORIES_MAX = 200
export const TREND_MAX = 90

const count = z.int().nonnegative()
/** 0 to 1. */
const share = z.number().min(0).max(1)
/** 0 to 100: 100 is an item, or a catalogue, without a finding. */
const score = z.number().min(0).max(100)

/** One item that speaks for many. */
export const Example = z.object({
  itemId: z.string().nullable(),
  title: z.string(),
  evidence: z.string().optional(),
  repair: Repair.optional(),
})
export type Example = z.infer<typeof Example>

/** One of the eight checks of Google's commerce search. */
export const CheckCount = z.object({
  key: z.string(),
  sentence: z.string(),
  qualified: count,
  unqualified: count,
  /** Suggested percentage of qualified items. */
  threshold: z.number(),
  /** Whether the threshold is reached; null where the check applies to no item. */
  passed: z.boolean().nullable(),
  samples: z.array(z.object({ itemId: z.string(), title: z.string() })).max(SAMPLES_MAX),
})
export type CheckCount = z.infer<typeof CheckCount>

export const RuleCount = z.object({
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  field: z.string(),
  items: count,
  /** Of all rows. */
  share,
  /** Points that the score of the catalogue would rise by if this rule alone were mended everywhere. */
  gain: z.number().nonnegative(),
  /** Repairs that were sure enough to be made, and those that wait for a person. */
  repaired: count,
  proposed: count,
  examples: z.array(Example).max(EXAMPLES_MAX),
})
export type RuleCount = z.infer<typeof RuleCount>

export const CategoryScore = z.object({
  /** Joined by " > "; '' for items without a category. */
  category: z.string(),
  items: count,
  score,
  /** The rule that costs the category most; null where nothing was found. */
  worst: z.string().nullable(),
})
export type CategoryScore = z.infer<typeof CategoryScore>

/** One report in the history of a catalogue. */
export const TrendPoint = z.object({
  at: z.iso.datetime(),
  score,
  received: count,
  quarantined: count,
})
export type TrendPoint = z.infer<typeof TrendPoint>

/**
 * A part of the report that is not about single items: duplicates, events, drift. Who finds them fills this, and the page
 * shows every section in the same way.
 */
export const ReportSection = z.object({
  /** Kebab-case, unique in the report. */
  id: z.string(),
  title: z.string(),
  /** What was found, in one plain sentence. */
  summary: z.string(),
  /** Of the gravest in it. */
  severity: z.enum(SEVERITIES),
  counts: z.array(z.object({ label: z.string(), value: z.number(), unit: z.string().optional() })).max(50),
  samples: z.array(z.object({ subject: z.string(), evidence: z.string() })).max(SAMPLES_MAX),
  trend: z
    .array(
      z.object({
        label: z.string(),
        /** Oldest first. */
        points: z.array(z.object({ at: z.iso.datetime(), value: z.number() })).max(366),
      }),
    )
    .max(20)
    .optional(),
})
export type ReportSection = z.infer<typeof ReportSection>

export const QualityReport = z.object({
  version: z.literal(1),
  /** Name of the file, or "catalogue". */
  source: z.string(),
  createdAt: z.iso.datetime(),
  /** Rows read = accepted + quarantined. */
  received: count,
  accepted: count,
  quarantined: count,
  score,
  /** Whether the score weighs items by how often shoppers looked at them. */
  weighsViews: z.boolean(),
  /** Of a feed: the share of its rows that shoppers would not see, against the share that is let pass. */
  gate: z.object({ hiddenShare: share, hiddenShareMax: share, passed: z.boolean() }).nullable(),
  checks: z.array(CheckCount),
  /** What to fix first: by `gain`, largest first. */
  rules: z.array(RuleCount),
  /** Rules that broke while they learnt, with the reason. */
  failedRules: z.record(z.string(), z.string()),
  /** Most items first. */
  categories: z.array(CategoryScore).max(CATEGORIES_MAX),
  /** Earlier reports, oldest first. */
  trend: z.array(TrendPoint).max(TREND_MAX),
  sections: z.array(ReportSection),
})
export type QualityReport = z.infer<typeof QualityReport>
