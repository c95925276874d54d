/**
 * @file Measures as one word each. "12 in.", "12-inch" and 12" are the same size, and a shopper who types one of them wants
 * the items that say another; apart, the number says little and the unit nothing.
 */

/** Ways to write a unit after a number (lower case, no accents, dots optional), by the way in which it is kept. */
const SPELLINGS: Readonly<Record<string, string>> = {
  in: `inch(?:es)?|in|"|”|″|''`,
  ft: `foot|feet|ft|'|′`,
  yd: 'yards?|yds?',
  sqft: 'sq\\.? ?ft|square (?:feet|foot)',
  cuft: 'cu\\.? ?ft|cubic (?:feet|foot)',
  gal: 'gallons?|gal',
  qt: 'quarts?|qt',
  oz: 'ounces?|oz',
  lb: 'pounds?|lbs?',
  mm: 'milli(?:met(?:er|re)s?)|mm',
  cm: 'centi(?:met(?:er|re)s?)|cm',
  m: 'met(?:er|re)s?|m',
  kg: 'kilos?|kilograms?|kg',
  g: 'grams?|g',
  l: 'lit(?:er|re)s?|l',
  ml: 'milli(?:lit(?:er|re)s?)|ml',
  w: 'watts?|w',
  v: 'volts?|v',
  amp: 'amps?|amperes?',
  hp: 'horsepower|hp',
  gb: 'gigabytes?|gb',
  tb: 'terabytes?|tb',
  mb: 'megabytes?|mb',
  mp: 'megapixels?|mp',
}
const MEASURES = Object.entries(SPELLINGS).map(
  ([unit, spellings]) =>
    [new RegExp(`(\\d)[ -]?(?:${spellings})(?![\\p{L}\\p{N}])\\.?`, 'gu'), unit] as const,
)

/**
 * "12 in." → "12in", "3/4-Inch" → "3/4in", "1.9 cu. ft." → "1.9cuft".
 *
 * @param text folded, see `foldText`
 */
export function joinMeasures(text: string): string {
  if (!/\d/.test(text)) return text
  return MEASURES.reduce((joined, [pattern, unit]) => joined.replace(pattern, `$1${unit} `), text)
}

/** A number, a fraction or a range, with a unit or not: "500gb", "3/4in", "1-1/2", "2.0". */
const MEASURE = /^(\d+(?:[-./]\d+)*)([a-z]{0,5})$/

/** The terms of a measure, most telling first: whole, number, unit, and the numbers in it. Null when the word is none. */
export function measureTerms(word: string): string[] | null {
  const [, digits, unit] = MEASURE.exec(word) ?? []
  if (digits === undefined) return null
  const number = digits.replace(/\.0+$/, '')
  const terms = unit ? [number + unit, number, unit] : [number]
  return [...new Set([...terms, ...number.split(/[-./]/)])]
}
