/**
 * @file From text to index terms, the same for documents and queries: words in lower case without accents, English stems,
 * Chinese, Japanese and Korean bigrams, and for compounds such as "USB-C" or "500GB" the parts beside the whole.
 */
import { stemmer } from 'stemmer'
import { headsOf } from './heads.ts'
import { foldText } from './normalise.ts'
import { synonymsOf } from './synonyms.ts'
import { joinMeasures, measureTerms } from './units.ts'

/** Function words that say nothing about a product. Units, "no", "not" and "for" of "for women" matter too little to keep. */
const STOP_WORDS = new Set(
  'a an and are as at be but by for from if in into is it its of on or that the their this to was were will with'.split(
    ' ',
  ),
)
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
/** Runs of letters and digits, joined by the marks that hold compounds together; or a run of CJK. */
const WORDS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])[\p{L}\p{N}])+(?:[-_./'’+&](?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])[\p{L}\p{N}])+)*/gu
const JOINTS = /[-_./'’+&]/
/** Longer tokens are noise (base64, URLs) and would blow up the dictionary. */
const TERM_CHARS_MAX = 40
const STEMS_CACHED_MAX = 50_000

export type QueryTerm = {
  term: string
  /**
   * whole: as it is; prefix: still being typed, so that it matches what it starts; synonym: another name of the thing;
   * correction: what a mistyped word may have meant.
   */
  form: 'whole' | 'prefix' | 'synonym' | 'correction'
  /** The word as the shopper typed it, for reasons ("matches 'speakers'"). */
  source: string
  /** Says what is looked for, beside words that narrow it down: "bag" in "laptop bag". */
  isHead?: true
}

const stems = new Map<string, string>()

/** Porter stem of a lower-case word of Latin letters; numbers, model names and other scripts stay as they are. */
export function stem(word: string): string {
  if (word.length < 3 || !/^[a-z]+$/.test(word)) return word
  const known = stems.get(word)
  if (known !== undefined) return known
  if (stems.size >= STEMS_CACHED_MAX) stems.clear()
  const made = stemmer(word)
  stems.set(word, made)
  return made
}

/** Index terms of a text in order, stop words left out. Compounds add their parts and the joined form. */
export function analyse(text: string): string[] {
  const terms: string[] = []
  for (const [word] of joinMeasures(foldText(text)).matchAll(WORDS))
    for (const term of termsOf(word)) if (!STOP_WORDS.has(term)) terms.push(term)
  return terms
}

/**
 * Distinct terms of a query in order. The last word, if no space follows it, matches as a prefix too ("blueto"). A query
 * of stop words only keeps them, so that "the it" is asked literally rather than refused.
 */
export function analyseQuery(text: string): QueryTerm[] {
  const words = [...joinMeasures(foldText(text)).matchAll(WORDS)]
  const open = words.length > 0 && !/[\s\p{P}]$/u.test(text) ? words.length - 1 : -1
  const head = headsOf(text).at(-1)
  const collect = (keepStopWords: boolean) => {
    const found = new Map<string, QueryTerm>()
    words.forEach(([word], index) => {
      const terms = termsOf(word).filter((term) => keepStopWords || !STOP_WORDS.has(term))
      // A word in the making is not stemmed: "comput" and "computi" must both reach "computer".
      if (index === open && !CJK.test(word) && !JOINTS.test(word) && word.length >= 2)
        add(found, { term: word, form: 'prefix', source: word })
      for (const term of terms) add(found, { term, form: 'whole', source: word })
      for (const synonym of synonymsOf(word))
        add(found, { term: stem(synonym), form: 'synonym', source: word })
    })
    return [...found.values()].map((term) =>
      term.source === head ? { ...term, isHead: true as const } : term,
    )
  }
  const terms = collect(false)
  const hasWords = terms.some((term) => !STOP_WORDS.has(term.source))
  return hasWords ? terms : collect(true)
}

const add = (found: Map<string, QueryTerm>, term: QueryTerm) => {
  const key = `${term.form === 'prefix' ? '*' : ''}${term.term}`
  if (!found.has(key)) found.set(key, term)
}

function termsOf(word: string): string[] {
  if (CJK.test(word)) return bigrams(word)
  if (word.length > TERM_CHARS_MAX) return []
  const measure = measureTerms(word)
  if (measure) return measure
  const parts = word.split(JOINTS)
  if (parts.length === 1) return [stem(word)]
  // "o'neil's" → o, neil, s: a lone letter after an apostrophe is grammar, not a part.
  const useful = parts.filter((part, index) => part.length > 1 || index === 0 || !/['’]/.test(word))
  return [...new Set([...useful.flatMap((part) => measureTerms(part) ?? [stem(part)]), parts.join('')])]
}

/** Overlapping pairs of characters; a lone character stands for itself. */
function bigrams(run: string): string[] {
  const characters = [...run]
  if (characters.length === 1) return characters
  return characters.slice(1).map((character, index) => characters[index]! + character)
}
