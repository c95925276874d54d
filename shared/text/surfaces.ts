/**
 * @file From stems back to words. The dictionary of an index has stems, and a typing error is made in a word: "vlve" is two edits from
 * the stem "valv" and one from "valve". So the ending as it was typed is put behind the stem, where the stemmer would take it off again.
 */
import { stem } from './analyse.ts'

/** What Porter's stemmer takes off the ends of words that shops use. The empty one is the stem itself. */
const ENDINGS =
  'e s es y ies ed er or ers ors ing ings ly al ic able ible ation ations ator ators ment ments ive ity ness ous ance ence ion ions ate ated'.split(
    ' ',
  )
const BEGINNING_LENGTH_MIN = 3

/** Endings that a word may have, as typed: of "valves" none, "s" and "es". */
export const endingsOf = (word: string): string[] => [
  '',
  ...ENDINGS.filter((ending) => word.endsWith(ending) && word.length - ending.length >= BEGINNING_LENGTH_MIN),
]

/** Words with this stem and this ending; several, because stems lose an "e" and turn "y" into "i". */
export function surfacesOf(term: string, ending: string): string[] {
  const words = [term + ending]
  if (term.endsWith('i') && ending === '') words.push(`${term.slice(0, -1)}y`)
  if (term.endsWith('e') && /^[aeiouy]/.test(ending)) words.push(term.slice(0, -1) + ending)
  return words.filter((word) => word === term || stem(word) === term)
}
