/** @file From any JSON value that a shop sends to a clean item, or to the reasons why it cannot be one. */
import { type Finding, ITEM_ID_CHARS_MAX, type Item, TITLE_CHARS_MAX } from '../schema/item.ts'
import {
  cleanAttributes,
  cleanBrand,
  cleanCategory,
  cleanDescription,
  cleanPrice,
  cleanReference,
  cleanStock,
  cleanTime,
  cleanUrl,
  fittedText,
  isMissing,
  type Report,
} from './fields.ts'
import { readField, withField } from './repair.ts'
import { finding, type RuleName } from './rules.ts'

/** More than this on one item says nothing new; findings that quarantine are always kept. */
export const FINDINGS_PER_ITEM_MAX = 50
/** A title is refused unread beyond this: mark-up does not fill so much. */
const RAW_TITLE_CHARS_MAX = 20 * TITLE_CHARS_MAX
const KNOWN_FIELDS = new Set<string>([
  'id',
  'title',
  'description',
  'brand',
  'category',
  'price',
  'currency',
  'stock',
  'attributes',
  'image',
  'url',
  'availableTime',
  'expireTime',
  'publishTime',
  'variantOf',
])
/** Mending that may be wrong: what was there before is kept, so that it can be taken back. Rule → confidence. */
const MENDING: Partial<Record<string, number>> = {
  'html-removed': 1,
  'control-characters': 1,
  'brand-casing': 0.95,
  'currency-conflict': 0.9,
} satisfies Partial<Record<RuleName, number>>

/**
 * Clean one item. Pure; never throws; cleaning a clean item changes nothing.
 *
 * @param raw any JSON value; `{ _unreadable: reason }` stands for a row that the importer could not read
 * @returns   `item` is null if and only if a finding has the severity `quarantine`; a non-null item fits `Item`
 */
export function cleanItem(raw: unknown): { item: Item | null; findings: Finding[] } {
  const findings: Finding[] = []
  const report: Report = (rule, field, value) => {
    const next = finding(rule, field, value)
    if (findings.length < FINDINGS_PER_ITEM_MAX || next.severity === 'quarantine') findings.push(next)
  }
  const item = cleanFields(raw, report)
  if (item === null || findings.some(({ severity }) => severity === 'quarantine'))
    return { item: null, findings }
  return { item, findings: findings.map((one) => withOriginal(one, raw as Record<string, unknown>, item)) }
}

/** A finding of mending as an applied repair, where what was given would fit the field. */
function withOriginal(found: Finding, raw: Record<string, unknown>, item: Item): Finding {
  const confidence = MENDING[found.rule]
  if (confidence === undefined) return found
  const [, name] = /^attributes\.(.*)$/s.exec(found.field) ?? []
  const original =
    name === undefined ? raw[found.field] : (raw['attributes'] as Record<string, unknown>)[name]
  const value = readField(item, found.field)
  if (typeof original !== 'string' || original === value || !original.isWellFormed()) return found
  if (withField(item, found.field, original) === null) return found
  return { ...found, repair: { value, confidence, original } }
}

function cleanFields(raw: unknown, report: Report): Item | null {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    report('not-an-object', '', raw)
    return null
  }
  const fields = raw as Record<string, unknown>
  if (fields['_unreadable'] !== undefined) {
    report('unreadable-row', '', fields['_unreadable'])
    return null
  }
  reportUnknown(fields, report)
  return {
    id: cleanId(fields['id'], report),
    title: cleanTitle(fields['title'], report),
    description: cleanDescription(fields['description'], report),
    brand: cleanBrand(fields['brand'], report),
    category: cleanCategory(fields['category'], report),
    ...cleanPrice(fields['price'], fields['currency'], report),
    stock: cleanStock(fields['stock'], report),
    attributes: cleanAttributes(fields['attributes'], report),
    image: cleanUrl(fields['image'], 'image', report),
    url: cleanUrl(fields['url'], 'url', report),
    ...cleanTime(fields, 'availableTime', report),
    ...cleanTime(fields, 'expireTime', report),
    ...cleanTime(fields, 'publishTime', report),
    ...cleanReference(fields, 'variantOf', report),
  }
}

/**
 * Ids are the shop's own and are compared as given: no NFKC, only outer white space goes. Slashes and emoji are fine;
 * "." and ".." are not, because no client can send them in a path (RFC 3986, section 5.2.4).
 */
function cleanId(value: unknown, report: Report): string {
  if (isMissing(value)) report('missing-id', 'id')
  else if (typeof value === 'number') {
    // A whole number beyond 2^53 has lost digits on its way, so two items could become one.
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
      return String(value)
    report('broken-id', 'id', value)
  } else if (typeof value !== 'string') report('wrong-type', 'id', value)
  else {
    const id = value.trim()
    const broken =
      id.length > ITEM_ID_CHARS_MAX ||
      !id.isWellFormed() ||
      /[\u0000-\u001f\u007f-\u009f]/.test(id) ||
      /^\.\.?$/.test(id)
    if (!broken) return id
    report('broken-id', 'id', value)
  }
  return ''
}

function cleanTitle(value: unknown, report: Report): string {
  if (isMissing(value)) report('missing-title', 'title')
  else if (typeof value === 'number' && Number.isFinite(value)) {
    report('number-as-text', 'title', value)
    return String(value)
  } else if (typeof value !== 'string') report('wrong-type', 'title', value)
  else if (value.length > RAW_TITLE_CHARS_MAX) report('title-too-long', 'title', value)
  else {
    const title = fittedText(value, RAW_TITLE_CHARS_MAX, 'title', report)
    if (title === '') report('missing-title', 'title', value)
    if (title.length > TITLE_CHARS_MAX) report('title-too-long', 'title', value)
    return title
  }
  return ''
}

/** One finding for all, so that a row without a field map does not drown what matters. */
function reportUnknown(fields: Record<string, unknown>, report: Report): void {
  const unknown = Object.keys(fields).filter((name) => !KNOWN_FIELDS.has(name))
  if (unknown.length > 0)
    report('unknown-field', unknown[0]!.slice(0, 200).toWellFormed(), unknown.join(', '))
}
