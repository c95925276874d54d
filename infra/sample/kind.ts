/** @file The form of the sample shop's vocabulary: one `Kind` is one category of goods and how its items are worded. */

/**
 * One value that an attribute can have.
 * `text` is its wording in titles and sentences; '' leaves it out there. `says` is a sentence of its own for the
 * description, so that attributes, title and description cannot disagree. `cost` multiplies the price.
 */
export type Choice = {
  value: string | number | boolean
  text: string
  says?: string
  cost: number
}

export type Kind = {
  /** Start of every id ("spk" in "spk-0042"), and the kind's key. */
  prefix: string
  path: string[]
  count: number
  brands: string[]
  nouns: string[]
  /** One word of each list, joined by a space, is a model name. */
  model: string[][]
  /** `{brand}`, `{model}`, `{noun}` and trait names are replaced; a part between commas that becomes empty is dropped. */
  title: string
  /** Lowest and highest base price, EUR. */
  price: [number, number]
  traits: Record<string, Choice[]>
  /** First sentences; one that names a trait without wording is not used. */
  opening: string[]
  /** Further sentences, under the same rule. */
  more: string[]
  language: 'en' | 'zh'
}

export const choice = (value: Choice['value'], text = String(value), cost = 1, says?: string): Choice => ({
  value,
  text,
  cost,
  ...(says === undefined ? {} : { says }),
})

/** Choices worded as they are. */
export const words = (...values: string[]): Choice[] => values.map((value) => choice(value))

/** Numbers with a unit behind, the dearer the larger: `growth` is the price ratio of the last to the first. */
export const amounts = (values: number[], unit: string, growth = 1): Choice[] =>
  values.map((value, index) =>
    choice(value, `${value}${unit}`, growth ** (index / Math.max(1, values.length - 1))),
  )

/** Yes or no; `no` is silent. */
export const flag = (text: string, says: string, cost = 1.15): Choice[] => [
  choice(true, text, cost, says),
  choice(false, ''),
]
