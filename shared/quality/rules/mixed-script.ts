/** @file Words of two alphabets, as copied from a page with look-alike letters: "Ѕony" is found by nobody who types "Sony". */
import type { Finding, Item } from '../../schema/item.ts'
import type { ItemRule } from '../item-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'

const MIXED: RuleText = {
  name: 'mixed-script-word',
  severity: 'warn',
  message: 'A word mixes Latin letters with Cyrillic ones that look alike, so that no search finds it.',
}
const FIELDS = ['title', 'brand'] as const
const CONFIDENCE = 0.95

/** Cyrillic letters by the Latin ones that they look like. Source: Unicode Technical Standard 39, confusables.txt. */
const LOOK_ALIKES = new Map(
  [...'АA ВB ЕE ЅS ІI ЈJ КK МM НH ОO РP СC ТT УY ХX аa еe оo рp сc уy хx ѕs іi јj һh ԁd'.split(' ')].map(
    (pair) => [pair[0]!, pair[1]!],
  ),
)
const CYRILLIC = /\p{Script=Cyrillic}/u
const MIXED_WORD = /[\p{Script=Latin}\p{Script=Cyrillic}]+/gu

export const mixedScriptRule: ItemRule = {
  name: 'mixed-script-word',
  judge: (item) => FIELDS.flatMap((field) => judgeField(item, field)),
}

function judgeField(item: Item, field: (typeof FIELDS)[number]): Finding[] {
  const text = item[field]
  if (!CYRILLIC.test(text)) return []
  const wrong = (text.match(MIXED_WORD) ?? []).filter(
    (word) => CYRILLIC.test(word) && /\p{Script=Latin}/u.test(word),
  )
  if (wrong.length === 0) return []
  const value = text.replace(MIXED_WORD, (word) => (wrong.includes(word) ? toLatin(word) : word))
  // A Cyrillic letter without a double means that the word may be Cyrillic, with Latin letters in it.
  const isSure = wrong.every((word) => !CYRILLIC.test(toLatin(word)))
  return [findingOf(MIXED, field, wrong.join(' '), isSure ? { value, confidence: CONFIDENCE } : undefined)]
}

const toLatin = (word: string): string =>
  [...word].map((letter) => LOOK_ALIKES.get(letter) ?? letter).join('')
