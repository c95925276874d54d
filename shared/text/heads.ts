/**
 * @file What a title says the thing is. In English, German, Dutch and Chinese the last noun of a phrase names it and those
 * before narrow it down: a "keyboard cover" is a cover. A search for "keyboard" means the keyboards, which no count of words
 * can tell. No parser: a phrase ends at a mark, a number, an attribute word ("black"), or a preposition, after which
 * a title speaks of something else ("cable for digital cameras").
 */
import { foldText } from './normalise.ts'

/** After these a title says what the thing goes with, or what it is made of. */
const PREPOSITIONS = new Set(
  'for with w without in on at from by of to per via fits fit compatible including includes incl plus featuring für mit ohne aus pour avec sans de des para con sin per da voor met zonder'.split(
    ' ',
  ),
)
/** Words that follow the noun in a title and are not it: colours, materials and states. */
const ATTRIBUTES = new Set(
  (
    'black white red blue green yellow silver grey gray brown pink purple violet orange gold golden beige cream ivory bronze copper chrome nickel titanium anthracite charcoal navy turquoise cyan magenta transparent clear multicolour multicolor colour color mono tricolor ' +
    'wood wooden steel stainless metal metallic plastic leather cotton glass rubber aluminium aluminum paper fabric ' +
    'original compatible new refurbished wireless wired corded cordless optical laser mobile portable compact internal external digital electric automatic manual universal professional premium basic standard classic pro mini small medium large extra big long short male female left right single double dual triple indoor outdoor smart touch full high low slim ' +
    'managed unmanaged matt matte glossy gloss opaque printed folding adjustable retractable rechargeable ' +
    'pcs pieces bulk retail series edition version model type class'
  ).split(' '),
)
/** After a number these measure it. */
const UNITS = new Set(
  'in ft sq cu yd mil gal qt pt oz fl lb lbs kg g mg l ml cl mm cm m km x w kw v kv va kva a ma mah amp amps watt watts volt volts hz khz mhz ghz kb mb gb tb kbit mbit gbit gbps mbps dpi ppm px mp pixels rpm btu lumen lumens bar psi degree db ohm awg u s p i c f pc pcs sheet sheets page pages outlet outlets pack packs'.split(
    ' ',
  ),
)
const JOINING = new Set(['and', '&', 'und', 'et', 'y', 'en'])
/** Words, compounds whole ("all-in-one", "startech.com"), and every other mark alone. */
const TOKEN = /[\p{L}\p{N}]+(?:[-_.'’][\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/gu

/**
 * The noun phrases of a title, in order, as folded words; the last word of each says what the thing is. None in "HP 364XL".
 *
 * @param brand its words name who made the thing, not what it is
 */
export function nounPhrases(text: string, brand = ''): string[][] {
  const maker = new Set(foldText(brand).match(TOKEN))
  const phrases: string[][] = []
  let words: string[] = []
  /** Words up to the last noun; an attribute after it may go on: "Laptop internal …" with "keyboard". */
  let length = 0
  const close = () => {
    if (length > 0) phrases.push(words.slice(0, length))
    words = []
    length = 0
  }
  let isAfterNumber = false
  for (const [token] of foldText(text).matchAll(TOKEN)) {
    if (JOINING.has(token)) continue
    const isUnit: boolean = UNITS.has(token) && (isAfterNumber || token.length === 1)
    const isNumber: boolean = /\p{N}/u.test(token)
    if (!isUnit && PREPOSITIONS.has(token)) break
    if (isUnit || isNumber || !/^\p{L}/u.test(token)) close()
    else if (!maker.has(token)) {
      words.push(token)
      if (!ATTRIBUTES.has(token)) length = words.length
    }
    isAfterNumber = isNumber || (isAfterNumber && (isUnit || token === '.'))
  }
  close()
  return phrases
}

/** What a title says the thing is: the last word of each noun phrase, folded like index terms but not stemmed. */
export const headsOf = (text: string, brand = ''): string[] =>
  nounPhrases(text, brand).map((words) => words.at(-1)!)
