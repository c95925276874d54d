/** @file What rules read in a text: its words, and the script that a letter belongs to. */

const WORD = /[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’.-]*/gu
/** Scripts that put no space between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu

export const wordsOf = (text: string): string[] => text.match(WORD) ?? []

/** Words of a text; where words have no spaces between them, two characters count as one. */
export function countWords(text: string): number {
  const unspaced = text.match(UNSPACED)?.length ?? 0
  const spaced = unspaced === 0 ? text : text.replace(UNSPACED, ' ')
  return wordsOf(spaced).length + Math.ceil(unspaced / 2)
}

export const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Han',
  'Kana',
  'Hangul',
  'Arabic',
  'Hebrew',
  'Thai',
  'Devanagari',
] as const
export type Script = (typeof SCRIPTS)[number]

/** Blocks of letters, ascending: first and last code point, and whose they are. Source: Unicode 16, Blocks.txt. */
const BLOCKS: readonly [number, number, Script][] = [
  [0x41, 0x5a, 'Latin'],
  [0x61, 0x7a, 'Latin'],
  [0xc0, 0x24f, 'Latin'],
  [0x370, 0x3ff, 'Greek'],
  [0x400, 0x52f, 'Cyrillic'],
  [0x590, 0x5ff, 'Hebrew'],
  [0x600, 0x6ff, 'Arabic'],
  [0x900, 0x97f, 'Devanagari'],
  [0xe00, 0xe7f, 'Thai'],
  [0x1e00, 0x1eff, 'Latin'],
  [0x1f00, 0x1fff, 'Greek'],
  [0x3040, 0x30ff, 'Kana'],
  [0x3400, 0x9fff, 'Han'],
  [0xac00, 0xd7a3, 'Hangul'],
]

/** Null for digits, signs, and scripts that are not told apart. */
export function scriptOf(codePoint: number): Script | null {
  for (const [first, last, script] of BLOCKS) {
    if (codePoint < first) return null
    if (codePoint <= last) return script
  }
  return null
}

/**
 * The script of most letters of a text; null where it has fewer than three, or no script has two thirds of them. Kana counts
 * with Han, because Japanese writes both in one sentence.
 */
export function mainScript(text: string): Script | null {
  const counts = new Map<Script, number>()
  let letters = 0
  for (const character of text) {
    const script = scriptOf(character.codePointAt(0)!)
    if (script === null) continue
    letters++
    const kind = script === 'Kana' ? 'Han' : script
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  if (letters < 3) return null
  for (const [script, count] of counts) if (count * 3 >= letters * 2) return script
  return null
}
