/**
 * @file The eight product checks of Google's commerce search, under Google's keys. Each is a share of the catalogue to reach,
 * and a finding on the items that fail it.
 * Source: Vertex AI Search for commerce, Branch.QualityMetric. Google's own thresholds for the address (95 %), the
 * description (90 %) and the title (80 %); it publishes none for the others, which ask for the same 95 %.
 */
import type { Finding, Item } from '../../schema/item.ts'
import type { ItemRule } from '../item-rule.ts'
import { findingOf } from '../rules.ts'
import { countWords } from './words.ts'

export type Check = {
  /** Google's `requirement_key`. */
  key: string
  /** What a qualified item has, in one sentence. */
  sentence: string
  /** Suggested share of qualified items, percent. */
  threshold: number
  field: string
  severity: Finding['severity']
  /** What an item that fails it lacks, in one sentence. */
  message: string
  /** Whether the check has anything to say of the item; absent: of every item. */
  applies?(item: Item): boolean
  isQualified(item: Item, nowMs: number): boolean
  evidence?(item: Item): string
}

const isVariant = ({ variantOf }: Item): boolean => variantOf !== undefined
/** With a host that has a domain: `http://shop` and `/p/1` do not lead a crawler anywhere. */
const WEB_PAGE = /^https?:\/\/[^\s/?#@]+\.[^\s/?#@.]{2,}(?:[/?#]|$)/i

export const CHECKS: readonly Check[] = [
  {
    key: 'has-valid-uri',
    sentence: 'The item has the whole web address of its page.',
    threshold: 95,
    field: 'url',
    severity: 'info',
    message: 'The item has no whole web address (https://…) of its page.',
    isQualified: ({ url }) => WEB_PAGE.test(url),
    evidence: ({ url }) => url,
  },
  {
    key: 'available-expire-time-conformance',
    sentence: 'Now is after the time from which the item is available, and before it expires.',
    threshold: 95,
    field: 'expireTime',
    severity: 'warn',
    message: 'The item is not available yet, or has expired, and is shown all the same.',
    isQualified: ({ availableTime, expireTime }, nowMs) =>
      (availableTime === undefined || Date.parse(availableTime) <= nowMs) &&
      (expireTime === undefined || Date.parse(expireTime) > nowMs),
    evidence: ({ availableTime = '…', expireTime = '…' }) => `${availableTime} to ${expireTime}`,
  },
  {
    key: 'has-searchable-attributes',
    sentence: 'The item has at least one attribute that a search reads.',
    threshold: 95,
    field: 'attributes',
    severity: 'info',
    message: 'The item has no attribute that a search could read.',
    // "No" is the one value that no search finds an item by; see `contentOf` of the segment.
    isQualified: ({ attributes }) => Object.values(attributes).some((value) => value !== false),
  },
  {
    key: 'has-description',
    sentence: 'The item has a description.',
    threshold: 90,
    field: 'description',
    severity: 'info',
    message: 'The item has no description.',
    isQualified: ({ description }) => description !== '',
  },
  {
    key: 'has-at-least-bigram-title',
    sentence: 'The title has at least two words.',
    threshold: 80,
    field: 'title',
    severity: 'info',
    message: 'The title is a single word: it finds the item and does not tell it from others.',
    isQualified: ({ title }) => countWords(title) >= 2,
    evidence: ({ title }) => title,
  },
  {
    key: 'variant-has-image',
    sentence: 'An item that is a variant of another has an image of its own.',
    threshold: 95,
    field: 'image',
    severity: 'warn',
    message: 'The variant has no image of its own.',
    applies: isVariant,
    isQualified: ({ image }) => image !== '',
  },
  {
    key: 'variant-has-price-info',
    sentence: 'An item that is a variant of another has a price of its own.',
    threshold: 95,
    field: 'price',
    severity: 'warn',
    message: 'The variant has no price of its own.',
    applies: isVariant,
    isQualified: ({ price }) => price !== null,
  },
  {
    key: 'has-publish-time',
    sentence: 'The item says when it was published.',
    threshold: 95,
    field: 'publishTime',
    severity: 'info',
    message: 'The item does not say when it was published, so that nothing can be shown as new.',
    isQualified: ({ publishTime }) => publishTime !== undefined,
  },
]

/** Whether an item passes a check; null where the check does not apply to it. */
export const verdictOf = (check: Check, item: Item, nowMs: number): boolean | null =>
  check.applies && !check.applies(item) ? null : check.isQualified(item, nowMs)

export const CONFORMANCE_RULES: readonly ItemRule[] = CHECKS.map((check) => ({
  name: check.key,
  judge: (item, nowMs) =>
    verdictOf(check, item, nowMs) === false
      ? [findingOf({ ...check, name: check.key }, check.field, check.evidence?.(item) || undefined)]
      : [],
}))
