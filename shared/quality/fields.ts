/**
 * @file The cleaner of each optional field: takes any JSON value, returns what the contract allows, and reports what it
 * met. None of them keeps an item out, but for a price that cannot be.
 */
import {
  ATTRIBUTE_VALUE_CHARS_MAX,
  ATTRIBUTES_MAX,
  type AttributeValue,
  CATEGORY_DEPTH_MAX,
  DESCRIPTION_CHARS_MAX,
  ITEM_ID_CHARS_MAX,
  type Item,
} from '../schema/item.ts'
import { normaliseBrand } from './brand.ts'
import { PRICE_MAX, parseCurrency, parsePrice } from './price.ts'
import type { RuleName } from './rules.ts'
import { cleanText, shorten, type TextNote } from './text.ts'

export type Report = (rule: RuleName, field: string, value?: unknown) => void

const NAME_CHARS_MAX = 200
const URL_CHARS_MAX = 2_000
const LIST_VALUES_MAX = 100
/** Raw text longer than this many times its field is cut before cleaning: bounds the work on hostile input. */
const RAW_CHARS_FACTOR = 5
/** Finer than any currency; takes the noise out of sums such as 12.990000000000002. */
const PRICE_STEPS = 10_000

const PATH_SEPARATOR = / ?[>›»→|] ?/
const IN_STOCK = new Set(['true', 'yes', 'in stock', 'in_stock', 'instock', 'available', 'y'])
const OUT_OF_STOCK = new Set([
  'false',
  'no',
  'out of stock',
  'out_of_stock',
  'outofstock',
  'sold out',
  'unavailable',
  'n',
])

/** Nothing was said: null, undefined, an empty or blank text. */
export const isMissing = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '')

/** A text that fits `max`. The notes of cleaning become findings of `field`. */
export function fittedText(value: string, max: number, field: string, report: Report): string {
  const notes = new Set<TextNote>()
  const raw = shorten(value, max * RAW_CHARS_FACTOR)
  const text = cleanText(raw, notes)
  for (const note of notes) report(note, field, value)
  if (raw.length === value.length && text.length <= max) return text
  report('text-shortened', field, value)
  // Once more, because the cut may lay bare what the next character had hidden.
  return cleanText(shorten(text, max))
}

/** Texts and numbers as text, a list of them joined by a space; '' when missing or of another type. */
function optionalText(value: unknown, max: number, field: string, report: Report): string {
  if (isMissing(value)) return ''
  if (typeof value === 'string') return fittedText(value, max, field, report)
  if (typeof value === 'number' && Number.isFinite(value)) {
    report('number-as-text', field, value)
    return String(value)
  }
  if (Array.isArray(value) && value.every((part) => typeof part === 'string'))
    return fittedText(value.join(' '), max, field, report)
  report('wrong-type-ignored', field, value)
  return ''
}

export const cleanDescription = (value: unknown, report: Report): string =>
  optionalText(value, DESCRIPTION_CHARS_MAX, 'description', report)

export function cleanBrand(value: unknown, report: Report): string {
  const brand = optionalText(value, NAME_CHARS_MAX, 'brand', report)
  const usual = shorten(normaliseBrand(brand), NAME_CHARS_MAX)
  if (usual !== brand) report('brand-casing', 'brand', brand)
  return usual
}

/** A path as "A > B" (also with › » → |) or as a list. Of a list of paths the first counts. */
export function cleanCategory(value: unknown, report: Report): string[] {
  if (isMissing(value)) return []
  const list = Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value
  const levels =
    typeof list === 'string'
      ? fittedText(list, NAME_CHARS_MAX * CATEGORY_DEPTH_MAX, 'category', report).split(PATH_SEPARATOR)
      : list
  if (!Array.isArray(levels)) {
    report('wrong-type-ignored', 'category', value)
    return []
  }
  const path: string[] = []
  for (const level of levels) {
    const name = optionalText(level, NAME_CHARS_MAX, 'category', report)
    if (name === '') continue
    if (path.length === CATEGORY_DEPTH_MAX) {
      report('category-too-deep', 'category', value)
      break
    }
    path.push(name)
  }
  return path
}

/** Price in major units, with its currency; both null when there is no price. */
export function cleanPrice(
  price: unknown,
  currency: unknown,
  report: Report,
): { price: number | null; currency: string | null } {
  const none = { price: null, currency: null }
  if (isMissing(price)) {
    report('missing-price', 'price')
    return none
  }
  if (typeof price !== 'number' && typeof price !== 'string') {
    report('wrong-type', 'price', price)
    return none
  }
  const parsed = typeof price === 'string' ? parsePrice(cleanText(price.slice(0, NAME_CHARS_MAX))) : null
  const amount = typeof price === 'number' ? price : (parsed?.amount ?? Number.NaN)
  if (!(amount >= 0 && amount <= PRICE_MAX)) {
    report('impossible-price', 'price', price)
    return none
  }
  if (amount === 0) report('zero-price', 'price', price)
  if (parsed?.ambiguous) report('ambiguous-price', 'price', price)

  const declared = cleanCurrency(currency, report)
  const written = parsed?.currency ?? null
  if (written !== null && declared !== null && written !== declared && parsed!.currencyIsSure) {
    report('currency-conflict', 'currency', currency)
    return { price: roundPrice(amount), currency: written }
  }
  return { price: roundPrice(amount), currency: declared ?? written }
}

/** Adding zero turns -0 into 0, which would else differ from itself after JSON. */
const roundPrice = (amount: number): number => Math.round(amount * PRICE_STEPS) / PRICE_STEPS + 0

function cleanCurrency(value: unknown, report: Report): string | null {
  if (isMissing(value)) return null
  const code = typeof value === 'string' ? parseCurrency(cleanText(value.slice(0, NAME_CHARS_MAX))) : null
  if (code === null) report('unknown-currency', 'currency', value)
  return code
}

/** Pieces, 0 for "out of stock", null for "in stock" and when unknown. */
export function cleanStock(value: unknown, report: Report): number | null {
  if (isMissing(value)) return null
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (value === false || OUT_OF_STOCK.has(word)) return 0
  if (value === true || IN_STOCK.has(word)) return null
  const count = typeof value === 'number' ? value : countOf(word)
  if (!Number.isFinite(count) || Math.abs(count) > Number.MAX_SAFE_INTEGER) {
    report('unreadable-stock', 'stock', value)
    return null
  }
  if (count < 0) {
    report('negative-stock', 'stock', value)
    return 0
  }
  return Math.floor(count) + 0
}

function countOf(word: string): number {
  const parsed = parsePrice(word)
  return parsed === null || parsed.currency !== null ? Number.NaN : parsed.amount
}

/** http(s) address, protocol-relative address or absolute path; '' for anything else, so that no script gets into a page. */
export function cleanUrl(value: unknown, field: 'image' | 'url', report: Report): string {
  if (isMissing(value)) return ''
  const url = typeof value === 'string' ? value.trim().replaceAll(' ', '%20') : ''
  const usable = url.length <= URL_CHARS_MAX && url.isWellFormed() && WEB_ADDRESS.test(url)
  if (!usable) report('unusable-url', field, value)
  return usable ? url : ''
}
const WEB_ADDRESS =
  /^(?:(?:https?:)?\/\/[^\s\u0000-\u001f\u007f\\/]|\/(?![/\\]))[^\s\u0000-\u001f\u007f\\]*$/i

/** A date alone, or with a time; without an offset it is UTC. */
const ISO_TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|[+-]\d{2}:?\d{2})?)?$/i

/** A time of ISO 8601 in UTC, under its name; nothing where nothing was said, so that old items stay as they are. */
export function cleanTime<Name extends 'availableTime' | 'expireTime' | 'publishTime'>(
  fields: Record<string, unknown>,
  name: Name,
  report: Report,
): Pick<Item, Name> | Record<never, never> {
  const value = fields[name]
  if (isMissing(value)) return {}
  const [, date, time = '00:00', offset = 'Z'] =
    (typeof value === 'string' && ISO_TIME.exec(value.trim())) || []
  const utc = new Date(`${date}T${time}${offset.toUpperCase()}`)
  // A day that the month does not have would roll over into the next.
  const isDay = new Date(`${date}T00:00Z`).toJSON()?.startsWith(date!) ?? false
  if (isDay && !Number.isNaN(utc.getTime())) return { [name]: utc.toISOString() } as Pick<Item, Name>
  report('unreadable-time', name, value)
  return {}
}

/** The id of another item, compared as given, like an item's own. */
export function cleanReference(
  fields: Record<string, unknown>,
  name: 'variantOf',
  report: Report,
): Pick<Item, 'variantOf'> {
  const value = fields[name]
  if (isMissing(value)) return {}
  const id = typeof value === 'string' ? value.trim() : Number.isSafeInteger(value) ? String(value) : ''
  if (id !== '' && id.length <= ITEM_ID_CHARS_MAX && id.isWellFormed() && !CONTROL.test(id))
    return { [name]: id }
  report('wrong-type-ignored', name, value)
  return {}
}
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** Attributes in the order given; those without a value are left out in silence. */
export function cleanAttributes(value: unknown, report: Report): Record<string, AttributeValue> {
  const clean: Record<string, AttributeValue> = {}
  if (isMissing(value)) return clean
  if (typeof value !== 'object' || Array.isArray(value)) {
    report('wrong-type-ignored', 'attributes', value)
    return clean
  }
  let count = 0
  for (const [rawName, rawValue] of Object.entries(value as Record<string, unknown>)) {
    if (isMissing(rawValue)) continue
    const name = rawName.length > NAME_CHARS_MAX ? '' : cleanText(rawName)
    // `__proto__` set by assignment would replace the prototype instead of adding an attribute.
    const usable = name !== '' && name.length <= NAME_CHARS_MAX && name !== '__proto__'
    const attribute = usable ? cleanAttribute(rawValue, `attributes.${name}`, report) : null
    if (attribute === null) {
      report('unusable-attribute', `attributes.${name}`, usable ? rawValue : rawName)
      continue
    }
    if (attribute === '' || (Array.isArray(attribute) && attribute.length === 0)) continue
    if (!Object.hasOwn(clean, name) && ++count > ATTRIBUTES_MAX) {
      report('too-many-attributes', 'attributes')
      break
    }
    clean[name] = attribute
  }
  return clean
}

/** Null for values that no attribute can have. */
function cleanAttribute(value: unknown, field: string, report: Report): AttributeValue | null {
  if (typeof value === 'string') return fittedText(value, ATTRIBUTE_VALUE_CHARS_MAX, field, report)
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (!Array.isArray(value) || value.some((part) => typeof part === 'object' && part !== null)) return null
  if (value.length > LIST_VALUES_MAX) report('text-shortened', field, value.length)
  return value
    .slice(0, LIST_VALUES_MAX)
    .filter((part) => !isMissing(part))
    .map((part) => fittedText(String(part), ATTRIBUTE_VALUE_CHARS_MAX, field, report))
    .filter((part) => part !== '')
}
