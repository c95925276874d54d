/** @file Words that name the same thing in most shops, for queries. A shop's own words belong into its data, not here. */

/** One group a line, each word as people type it (lower case, no accents). Kept short: a wrong equal costs more than a missing one. */
const GROUPS_TEXT = `
  laptop notebook
  tv television
  cable kabel
  fridge refrigerator
  couch sofa
  headset headphones earphones earbuds
  monitor screen display
  motherboard mainboard
  wifi wireless wlan
  cellphone smartphone
  memory ram
  sneakers trainers
  trousers pants
  pushchair stroller
  hoover vacuum
  biro pen
  colour color
  grey gray
  aluminium aluminum
`

export const SYNONYM_GROUPS: readonly (readonly string[])[] = GROUPS_TEXT.trim()
  .split('\n')
  .map((line) => line.trim().split(' '))

const partners = new Map<string, readonly string[]>()
for (const words of SYNONYM_GROUPS)
  for (const word of words)
    partners.set(
      word,
      words.filter((other) => other !== word),
    )

/** Other names of the thing; empty for most words. A plural -s does not matter. */
export const synonymsOf = (word: string): readonly string[] =>
  partners.get(word) ?? partners.get(word.replace(/s$/, '')) ?? []
