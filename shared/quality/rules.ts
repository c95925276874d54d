/**
 * @file The named rules of cleaning, as one table: how grave each is and what it tells the shop's operator. Where a rule is
 * decided is the cleaner of its field (`clean.ts`, `fields.ts`); the catalogue decides the last two. Rules that judge a clean
 * item are in `rules/`, each beside its sentence.
 */
import type { Finding, Repair } from '../schema/item.ts'
import { ITEM_ID_CHARS_MAX, TITLE_CHARS_MAX } from '../schema/item.ts'

const EVIDENCE_CHARS_MAX = 200

type Rule = Pick<Finding, 'severity' | 'message'>

export const RULES = {
  // Kept out of the index.
  'not-an-object': { severity: 'quarantine', message: 'An item must be a JSON object.' },
  'unreadable-row': { severity: 'quarantine', message: 'The row of the file could not be read.' },
  'missing-id': { severity: 'quarantine', message: 'The item has no id.' },
  'broken-id': {
    severity: 'quarantine',
    message: `An id needs 1 to ${ITEM_ID_CHARS_MAX} characters, well-formed, without control characters, other than "." and "..".`,
  },
  'missing-title': { severity: 'quarantine', message: 'The item has no title.' },
  'title-too-long': {
    severity: 'quarantine',
    message: `A title has at most ${TITLE_CHARS_MAX} characters.`,
  },
  'wrong-type': { severity: 'quarantine', message: 'The value has a type that this field cannot take.' },
  'impossible-price': {
    severity: 'quarantine',
    message: 'The price is not a number from 0 to 1,000,000,000 that we can read.',
  },
  // Mended, and worth a look.
  'wrong-type-ignored': {
    severity: 'warn',
    message: 'The value has a type that this field cannot take, so it was left out.',
  },
  'damaged-text': {
    severity: 'warn',
    message: 'The text has characters that were damaged before they came here.',
  },
  'control-characters': { severity: 'warn', message: 'Control characters were removed from the text.' },
  'text-shortened': { severity: 'warn', message: 'The text was longer than the field takes and was cut.' },
  'zero-price': { severity: 'warn', message: 'The price is zero.' },
  'ambiguous-price': {
    severity: 'warn',
    message:
      'One dot before three digits: read as thousands beside a currency, as a decimal point otherwise.',
  },
  'currency-conflict': {
    severity: 'warn',
    message: 'The price names another currency than the currency field; the price was believed.',
  },
  'unknown-currency': { severity: 'warn', message: 'The currency is not a three-letter code of ISO 4217.' },
  'unreadable-stock': { severity: 'warn', message: 'The stock is not a count, so it counts as unknown.' },
  'negative-stock': { severity: 'warn', message: 'The stock is below zero and was set to zero.' },
  'category-too-deep': {
    severity: 'warn',
    message: 'The category has too many levels; the deepest were cut.',
  },
  'too-many-attributes': {
    severity: 'warn',
    message: 'The item has too many attributes; the last were cut.',
  },
  'unusable-attribute': {
    severity: 'warn',
    message: 'An attribute needs a short name and a text, number, yes/no or list of texts; it was left out.',
  },
  'unreadable-time': {
    severity: 'warn',
    message:
      'Not a date or time of ISO 8601, such as 2026-05-01 or 2026-05-01T08:00:00Z, so it was left out.',
  },
  'unusable-url': {
    severity: 'warn',
    message: 'Not a web address (http, https or a path), so it was left out.',
  },
  'repeated-id': {
    severity: 'warn',
    message: 'The same call has this id again later; the last one counts.',
  },
  'price-slip': {
    severity: 'warn',
    message: 'The price is ten, a hundred or a thousand times that of like items, or such a part of it.',
  },
  'attribute-slip': {
    severity: 'warn',
    message:
      'The number differs from that of like items by a factor that a wrong unit or a lost decimal point makes.',
  },
  'unusual-price': { severity: 'warn', message: 'The price is far from that of like items.' },
  'sudden-price-change': {
    severity: 'warn',
    message: 'The price is several times what the item cost before, or a small part of it.',
  },
  'sudden-attribute-change': {
    severity: 'warn',
    message: 'The number is several times what it was before, or a small part of it.',
  },
  'sudden-title-change': {
    severity: 'warn',
    message: 'The new title shares no word with the old one: another product may have taken this id.',
  },
  // Good to know.
  'unusual-attribute': { severity: 'info', message: 'The number is far from that of like items.' },
  'imputed-category': { severity: 'info', message: 'The item has no category; its words suggest this one.' },
  'imputed-brand': { severity: 'info', message: 'The item has no brand; its title seems to name this one.' },
  'imputed-colour': {
    severity: 'info',
    message: 'The item has no colour; its title seems to name this one.',
  },
  'imputed-material': {
    severity: 'info',
    message: 'The item has no material; its title seems to name this one.',
  },
  'imputed-size': { severity: 'info', message: 'The item has no size; its title seems to name this one.' },
  'imputed-number': {
    severity: 'info',
    message: 'The item lacks a number that nearly all like items have, and in which they agree.',
  },
  'price-unlike-neighbours': {
    severity: 'info',
    message: 'The price is far from those of the items nearest in meaning.',
  },
  'missing-price': { severity: 'info', message: 'The item has no price.' },
  'unknown-field': { severity: 'info', message: 'Fields that Aisle does not know were ignored.' },
  'number-as-text': { severity: 'info', message: 'A number was taken as text.' },
  'html-removed': { severity: 'info', message: 'HTML was removed from the text.' },
  'brand-casing': { severity: 'info', message: 'The brand was written in its usual case.' },
  'duplicate-content': { severity: 'info', message: 'Another item has the same content under another id.' },
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof RULES

/** How a rule is known to people: its id, how grave it is, and one plain sentence for the shop's operator. */
export type RuleText = { name: string } & Pick<Finding, 'severity' | 'message'>

/** The finding of a cleaning rule on one field; `value` is the offending value, shortened here. */
export const finding = (rule: RuleName, field: string, value?: unknown, repair?: Repair): Finding =>
  findingOf({ name: rule, ...RULES[rule] }, field, value, repair)

/** The finding of any rule; `evidence` is the offending value or what speaks against it, shortened here. */
export function findingOf(
  { name, severity, message }: RuleText,
  field: string,
  evidence?: unknown,
  repair?: Repair,
): Finding {
  return {
    ...{ rule: name, severity, field, message },
    ...(evidence === undefined ? {} : { evidence: evidenceOf(evidence) }),
    ...(repair === undefined ? {} : { repair }),
  }
}

function evidenceOf(value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : jsonOf(value)
  return text.slice(0, EVIDENCE_CHARS_MAX).toWellFormed()
}

/** `JSON.parse` reads lists nested a hundred thousand deep, but `JSON.stringify` cannot write them. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Array.isArray(value) ? '[…]' : '{…}'
  }
}
