/** @file The traits that a title may name: where an item keeps each, and which words are known for it beforehand. */
import type { Item } from '../../schema/item.ts'
import { foldText } from '../../text/normalise.ts'
import { KNOWN_COLOURS, KNOWN_MATERIALS } from './known-words.ts'

export type Trait = 'brand' | 'colour' | 'material' | 'size'
export const TRAITS: readonly Trait[] = ['brand', 'colour', 'material', 'size']

/** The name of an attribute says the trait and at most whose it is: "product_colour", not "number of colours". */
const OWNERS = new Set('product item main primary article artikel produkt haupt 商品 产品 主'.split(' '))
const NAMES: Record<Exclude<Trait, 'brand'>, ReadonlySet<string>> = {
  colour: new Set('colour color farbe colours colors 颜色'.split(' ')),
  material: new Set('material materials werkstoff stoff 材质 材料'.split(' ')),
  size: new Set('size größe große groesse 尺码 尺寸'.split(' ')),
}
export const KNOWN_WORDS: Record<Trait, readonly (readonly string[])[]> = {
  ...{ brand: [], colour: KNOWN_COLOURS, material: KNOWN_MATERIALS, size: [] },
}

/** Most names have none of these in them, which is quickly seen. */
const HINT = new RegExp(
  Object.values(NAMES)
    .flatMap((names) => [...names])
    .join('|'),
  'iu',
)

/** The trait that an attribute of this name keeps, if any. */
export function traitOfAttribute(name: string): Exclude<Trait, 'brand'> | null {
  if (!HINT.test(name)) return null
  const words = foldText(name).match(/\p{Script=Han}+|[\p{L}]+/gu) ?? []
  const telling = words.filter((word) => !OWNERS.has(word))
  if (telling.length !== 1) return null
  const [word] = telling as [string]
  return (['colour', 'material', 'size'] as const).find((trait) => NAMES[trait].has(word)) ?? null
}

/** What an item says of its traits; a number says one, but no text could teach it. Where two attributes are of one trait, the first. */
export function traitsOf(item: Item): Map<Trait, { field: string; value: string | null }> {
  const traits = new Map<Trait, { field: string; value: string | null }>()
  if (item.brand !== '') traits.set('brand', { field: 'brand', value: item.brand })
  for (const [name, value] of Object.entries(item.attributes)) {
    const trait = typeof value === 'boolean' ? null : traitOfAttribute(name)
    if (trait === null || traits.has(trait)) continue
    const text = Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : null
    traits.set(trait, { field: `attributes.${name}`, value: text })
  }
  return traits
}
