/**
 * @file Texts as people really type them: typing errors, words left out or changed round, another word for the same thing.
 * Pure; all chance comes from the `Random` that is passed in.
 */
import type { Random } from '../../shared/lib/random.ts'

/** Chances of each change, in [0, 1]. */
export type AugmentOptions = {
  typo: number
  drop: number
  swap: number
  synonym: number
  /** Groups of words that mean the same. */
  synonyms?: readonly (readonly string[])[]
}

/** Shorter words are seldom mistyped and soon become another word. */
const TYPO_CHARS_MIN = 4
/** Chance that an error hits the first letter; people get that one right. */
const FIRST_LETTER = 0.05
/** Neighbours on a QWERTY keyboard, rows shifted by about half a key. */
const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm']
const HAN = /\p{Script=Han}/u

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!
const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

/** One edit in one word: two letters exchanged, one lost, doubled, or hit beside its key. Model numbers stay as they are. */
export function withTypo(text: string, random: Random): string {
  if (HAN.test(text)) return withCharacterError(text, random)
  const words = wordsOf(text)
  const places = words.flatMap((word, at) =>
    /^\p{L}+$/u.test(word) && word.length >= TYPO_CHARS_MIN ? [at] : [],
  )
  if (places.length === 0) return text
  const at = pick(places, random)
  return words.with(at, misspell(words[at]!, random)).join(' ')
}

function misspell(word: string, random: Random): string {
  const letters = [...word]
  const from = random() < FIRST_LETTER ? 0 : 1
  const at = from + Math.floor(random() * (letters.length - 1 - from))
  const kind = random()
  if (kind < 0.3)
    return letters
      .with(at, letters[at + 1]!)
      .with(at + 1, letters[at]!)
      .join('')
  if (kind < 0.55) return letters.toSpliced(at, 1).join('')
  if (kind < 0.75) return letters.toSpliced(at, 0, letters[at]!).join('')
  const neighbours = keysBeside(letters[at]!.toLowerCase())
  if (neighbours.length === 0) return letters.toSpliced(at, 1).join('')
  const key = pick(neighbours, random)
  return (kind < 0.9 ? letters.with(at, key) : letters.toSpliced(at, 0, key)).join('')
}

function keysBeside(letter: string): string[] {
  const row = ROWS.findIndex((keys) => keys.includes(letter))
  if (row === -1) return []
  const column = ROWS[row]!.indexOf(letter)
  const places = [
    [row, column - 1],
    [row, column + 1],
    [row - 1, column],
    [row - 1, column + 1],
    [row + 1, column - 1],
    [row + 1, column],
  ] as const
  return places.flatMap(([r, c]) => ROWS[r]?.[c] ?? [])
}

/** Chinese has no keys to slip on: two characters change place, one is lost, or one stands twice. */
function withCharacterError(text: string, random: Random): string {
  const characters = [...text]
  if (characters.length < 2) return text
  const at = Math.floor(random() * (characters.length - 1))
  const kind = random()
  if (kind < 0.4)
    return characters
      .with(at, characters[at + 1]!)
      .with(at + 1, characters[at]!)
      .join('')
  if (kind < 0.7) return characters.toSpliced(at, 1).join('')
  return characters.with(at, pick(characters, random)).join('')
}

/** One word fewer; a single word stays. */
export function dropWord(text: string, random: Random): string {
  const words = wordsOf(text)
  return words.length < 2 ? text : words.toSpliced(Math.floor(random() * words.length), 1).join(' ')
}

/** Two neighbouring words change place. */
export function swapWords(text: string, random: Random): string {
  const words = wordsOf(text)
  if (words.length < 2) return text
  const at = Math.floor(random() * (words.length - 1))
  return words
    .with(at, words[at + 1]!)
    .with(at + 1, words[at]!)
    .join(' ')
}

/** A word becomes another of its group. */
export function withSynonym(text: string, groups: readonly (readonly string[])[], random: Random): string {
  const words = wordsOf(text)
  const choices = words.flatMap((word, at) =>
    groups
      .filter((group) => group.includes(word.toLowerCase()))
      .flatMap((group) =>
        group.filter((other) => other !== word.toLowerCase()).map((other) => ({ at, other })),
      ),
  )
  if (choices.length === 0) return text
  const { at, other } = pick(choices, random)
  return words.with(at, other).join(' ')
}

/** Each change with its chance, in a fixed order; never an empty text from one that is not. */
export function augment(text: string, options: AugmentOptions, random: Random): string {
  let result = text
  if (random() < options.synonym) result = withSynonym(result, options.synonyms ?? [], random)
  if (random() < options.drop) result = dropWord(result, random)
  if (random() < options.swap) result = swapWords(result, random)
  if (random() < options.typo) result = withTypo(result, random)
  return result.trim() === '' ? text : result
}
