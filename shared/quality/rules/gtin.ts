/** @file Article numbers: GTIN-8, -12 (UPC), -13 (EAN) and -14, with their check digit. */
import { ATTRIBUTE_VALUE_CHARS_MAX, type AttributeValue, type Finding } from '../../schema/item.ts'
import type { ItemRule } from '../item-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'

const WRONG_GTIN: RuleText = {
  name: 'wrong-gtin',
  severity: 'warn',
  message: 'Not a GTIN: 8, 12, 13 or 14 digits, of which the last is the check digit of the others.',
}
/** Names of attributes that hold a GTIN, folded to their letters. */
const NAMES = new Set(
  'gtin gtin8 gtin12 gtin13 gtin14 ean ean8 ean13 eancode ean13code upc upca upccode barcode'.split(' '),
)
const LENGTHS = new Set([8, 12, 13, 14])
/** A spreadsheet takes an article number for a number and its leading zeros away. One wrong number in ten passes by chance. */
const PADDED_CONFIDENCE = 0.85
const CODES_MAX = 100

/**
 * Σ of the digits, weighted 3, 1, 3, … from the right of the body, plus the check digit is a multiple of ten.
 * Source: GS1 General Specifications, section 7.9.1.
 */
export function isGtin(code: string): boolean {
  if (!LENGTHS.has(code.length) || !/^\d+$/.test(code) || /^0+$/.test(code)) return false
  let sum = 0
  for (let at = 0; at < code.length; at++) sum += Number(code[at]) * ((code.length - at) % 2 === 0 ? 3 : 1)
  return sum % 10 === 0
}

export const gtinRule: ItemRule = {
  name: 'wrong-gtin',
  judge({ attributes }) {
    const findings: Finding[] = []
    for (const name of Object.keys(attributes)) {
      if (name.length > 20 || !NAMES.has(name.toLowerCase().replace(/[^a-z0-9]/g, ''))) continue
      const value = attributes[name]!
      const wrong = codesOf(value).find((code) => !isGtin(code))
      if (wrong !== undefined) findings.push(wrongGtin(`attributes.${name}`, value, wrong))
    }
    return findings
  },
}

function codesOf(value: AttributeValue): string[] {
  if (typeof value === 'boolean') return []
  if (Array.isArray(value)) return value.slice(0, CODES_MAX).map(bare)
  const text = String(value)
  const codes = text.split(/[\s,;|/]+/).filter((code) => code !== '')
  // A long list was cut, most likely inside its last code.
  const whole = text.length > ATTRIBUTE_VALUE_CHARS_MAX - 20 ? codes.slice(0, -1) : codes
  return whole.slice(0, CODES_MAX).map(bare)
}
const bare = (code: string): string => code.replace(/[-\s]/g, '')

function wrongGtin(field: string, value: AttributeValue, wrong: string): Finding {
  const isAlone = !Array.isArray(value) && bare(String(value)) === wrong
  const padded = [8, 12, 13, 14].map((length) => wrong.padStart(length, '0')).find(isGtin)
  return findingOf(
    WRONG_GTIN,
    field,
    wrong,
    isAlone && padded !== undefined ? { value: padded, confidence: PADDED_CONFIDENCE } : undefined,
  )
}
