/** @file HTML as text with every value escaped, unless it is HTML already. */

export type Html = { readonly html: string }
type Value = Html | string | number | null | readonly Html[]

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeText = (text: string): string => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign]!)

const textOf = (value: Value): string => {
  if (value === null) return ''
  if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value))
  return 'html' in value ? value.html : value.map((one) => one.html).join('')
}

/** Null leaves nothing; lists are joined. */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Html => ({
  html: strings.reduce((text, part, at) => text + textOf(values[at - 1] ?? null) + part),
})

/** Text of our own that stands as it is, such as a style sheet. */
export const unescaped = (text: string): Html => ({ html: text })
