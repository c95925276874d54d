/** @file Reading a price as people write it: "12,99 €", "1.299,00 EUR", "$5", "CHF 1'299.-". */

export const PRICE_MAX = 1e9

export type ParsedPrice = {
  /** Major units; negative when the text says so, which is for the caller to judge. */
  amount: number
  currency: string | null
  /** False for symbols that several currencies share ($, ¥, kr): an explicit currency field then decides. */
  currencyIsSure: boolean
  /** One dot before exactly three digits; see the rule `ambiguous-price`. */
  ambiguous: boolean
}

/** Symbols and words → code. Those of `SHARED` stand for several currencies and give the commonest. */
// biome-ignore format: a table reads better dense
const SYMBOLS = new Map(
  Object.entries({
    $: 'USD', us$: 'USD', '€': 'EUR', euro: 'EUR', euros: 'EUR', '£': 'GBP', '¥': 'JPY', 元: 'CNY', 人民币: 'CNY',
    rmb: 'CNY', 円: 'JPY', '₹': 'INR', rs: 'INR', '₩': 'KRW', '₽': 'RUB', '₺': 'TRY', '₴': 'UAH', '₪': 'ILS', '₫': 'VND',
    '฿': 'THB', '₱': 'PHP', zł: 'PLN', zl: 'PLN', kč: 'CZK', ft: 'HUF', лв: 'BGN', kr: 'SEK', r$: 'BRL', a$: 'AUD',
    au$: 'AUD', c$: 'CAD', ca$: 'CAD', hk$: 'HKD', nt$: 'TWD', s$: 'SGD', nz$: 'NZD', mx$: 'MXN', fr: 'CHF', sfr: 'CHF',
  }),
)
const SHARED = new Set(['$', '¥', 'kr', 'fr', 'rs'])
/** Codes believed beside a number: not any three letters, or "5 pcs" would be a price in PCS. Source: ISO 4217. */
const CODES = new Set(
  (
    'AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JOD JPY KES KRW KWD MAD ' +
    'MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD UYU VND ZAR'
  ).split(' '),
)
/** Currencies with three decimals, where "1.299" is no thousand. */
const THREE_DECIMALS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND'])

const PRICE = /^(-?) ?([^\d.,'-]*?) ?(-?) ?(\d[\d.,' ]*\d|\d|[.,]\d+) ?([^\d.,'-]*)$/
const PRICE_CHARS_MAX = 64

/** Null when the text is not one amount with at most one currency. `text` must be clean (`cleanText`). */
export function parsePrice(text: string): ParsedPrice | null {
  if (text.length > PRICE_CHARS_MAX) return null
  const plain = text
    .replace(/[−‐‑]/g, '-') // minus and hyphens of Unicode
    .replace(/[’`´]/g, "'")
    .replace(/(\p{L})\./gu, '$1') // "Rs. 500"
    .replace(/[.,] ?[-–—]{1,2}(?=\D*$)/, '') // "12,- €": no cents
  const scientific = /^-?\d+(?:\.\d+)?e[+-]?\d{1,3}$/i.test(plain)
  if (scientific) return { amount: Number(plain), currency: null, currencyIsSure: false, ambiguous: false }

  const match = PRICE.exec(plain)
  if (!match) return null
  const [, outerSign, prefix, innerSign, digits, suffix] = match as unknown as string[]
  const currency = currencyOf(prefix!, suffix!)
  if (currency === undefined || (outerSign && innerSign)) return null
  const amount = parseAmount(digits!, currency !== null && !THREE_DECIMALS.has(currency.code))
  if (amount === null) return null
  return {
    amount: outerSign || innerSign ? -amount.value : amount.value,
    currency: currency?.code ?? null,
    currencyIsSure: currency?.sure ?? false,
    ambiguous: amount.ambiguous,
  }
}

/** Code of a currency field: a code of three letters (any: syntax only) or a known symbol; null when neither. */
export function parseCurrency(text: string): string | null {
  return /^[A-Za-z]{3}$/.test(text) ? text.toUpperCase() : (SYMBOLS.get(text.toLowerCase()) ?? null)
}

/** Undefined when a word is no currency or two disagree; null when there is no word. */
function currencyOf(prefix: string, suffix: string): { code: string; sure: boolean } | null | undefined {
  const tokens = `${prefix} ${suffix}`.toLowerCase().split(' ').filter(Boolean)
  if (tokens.length === 0) return null
  const codes = tokens.map(codeOf)
  const sure = new Set(codes.filter((_, index) => !SHARED.has(tokens[index]!)))
  if (codes.includes(undefined) || sure.size > 1) return undefined
  return { code: [...sure, ...codes][0]!, sure: sure.size === 1 }
}

function codeOf(token: string): string | undefined {
  const code = token.replace(/(?<=\w)\$$/, '').toUpperCase() // "CAD$"
  return SYMBOLS.get(token) ?? (CODES.has(code) ? code : undefined)
}

/** @param dotGroups whether a lone dot before three digits separates thousands */
function parseAmount(text: string, dotGroups: boolean): { value: number; ambiguous: boolean } | null {
  const digits = text.replace(/(?<=\d)[ '](?=\d{3}(?!\d))/g, '')
  if (!/^[\d.,]+$/.test(digits)) return null
  const last = Math.max(digits.lastIndexOf('.'), digits.lastIndexOf(','))
  if (last < 0) return { value: Number(digits), ambiguous: false }

  const separator = digits[last]!
  const other = separator === '.' ? ',' : '.'
  const head = digits.slice(0, last)
  const tail = digits.slice(last + 1)
  if (head.includes(separator)) {
    // Repeated, so it groups, and nothing else may appear.
    return head.includes(other) ? null : integer(digits, separator)
  }
  if (head.includes(other)) {
    const whole = integer(head, other)
    return whole && { value: Number(`${whole.value}.${tail}`), ambiguous: false }
  }
  const groups = tail.length === 3 && /^[1-9]\d{0,2}$/.test(head)
  if (groups && (separator === ',' || dotGroups))
    return { value: Number(head + tail), ambiguous: separator === '.' }
  return { value: Number(`${head || '0'}.${tail}`), ambiguous: groups }
}

/** Groups of three, the middle ones also of two as in India ("1,29,999"). */
function integer(digits: string, separator: string): { value: number; ambiguous: boolean } | null {
  const [first, ...rest] = digits.split(separator)
  const regular =
    /^\d{1,3}$/.test(first!) &&
    rest.every((group, index) => group.length === 3 || (group.length === 2 && index < rest.length - 1))
  return regular ? { value: Number([first, ...rest].join('')), ambiguous: false } : null
}
