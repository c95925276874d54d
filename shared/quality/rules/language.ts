/** @file Language and script: a text that the shoppers of this catalogue cannot read. */
import type { CatalogueRule } from '../catalogue-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { percentOf, type Usual, usualOf } from './shares.ts'
import { mainScript, type Script } from './words.ts'

const SCRIPT: RuleText = {
  name: 'title-script',
  severity: 'warn',
  message: 'The title is in another script than nearly all titles of the catalogue.',
}
const LANGUAGE: RuleText = {
  name: 'description-language',
  severity: 'warn',
  message: 'The description is in another language than nearly all descriptions of the catalogue.',
}
const TEXTS_MIN = 50
const SHARE_MIN = 0.9
/** What is read of a description: enough to know its language. */
const CHARS_READ_MAX = 1_000
const WORDS_MIN = 8
const SCORE_MIN = 3
/** The best language must score this many times the second. */
const LEAD_MIN = 2
const DENSITY_MIN = 0.12

/** The words that every sentence needs, by language; a word of several languages counts for each in part. */
const FUNCTION_WORDS = {
  English: 'the and of to in is for with on that this your you it are from be by as or at an can has which',
  German:
    'der die das und ist mit für von ein eine zu den im auf sie nicht dem des auch oder bei einen sich wird zum',
  French:
    'le la les et des est pour avec une dans du sur vous votre un qui pas par au plus en ce sont vos cette',
  Spanish: 'el la los las y de que en con para por una un es su del se lo más como al sus este esta sin',
  Italian:
    'il lo gli di e che con per una un è del della in la le sono dei nel alla più si come anche questo',
  Dutch: 'de het een en van met voor is op dat te zijn aan uw u ook door bij deze niet wordt je naar maar om',
  Portuguese: 'o os as e de que com para uma um em do da dos das não por mais seu sua ao na no ou é',
  Polish: 'i w z na do jest się nie dla oraz od po to o przez które jak ze lub może są tym ten być',
  Swedish: 'och att är en ett som för med på av den det till inte du har kan från om din dig eller vid så i',
  Turkish: 've bir ile için bu olan da de çok daha en olarak gibi her sahip kadar veya ürün sizin size',
} as const
export type Language = keyof typeof FUNCTION_WORDS

/** Word → languages that have it. */
const LANGUAGES_OF = new Map<string, Language[]>()
for (const [language, words] of Object.entries(FUNCTION_WORDS) as [Language, string][])
  for (const word of words.split(' ')) LANGUAGES_OF.set(word, [...(LANGUAGES_OF.get(word) ?? []), language])

/** The language of a text by its function words; null where they do not say. */
export function languageOf(text: string): Language | null {
  const words =
    text
      .slice(0, CHARS_READ_MAX)
      .toLowerCase()
      .match(/\p{L}+/gu) ?? []
  if (words.length < WORDS_MIN) return null
  const scores = new Map<Language, number>()
  for (const word of words) {
    const languages = LANGUAGES_OF.get(word)
    for (const language of languages ?? [])
      scores.set(language, (scores.get(language) ?? 0) + 1 / languages!.length)
  }
  const [best, second] = [...scores].sort(([, a], [, b]) => b - a)
  if (!best || best[1] < SCORE_MIN || best[1] < DENSITY_MIN * words.length) return null
  return best[1] >= LEAD_MIN * (second?.[1] ?? 0) ? best[0] : null
}

type Learnt = { script: Usual<Script> | null; language: Usual<Language> | null }

export const languageRule: CatalogueRule<Learnt> = {
  name: 'language',
  start() {
    const scripts = new Map<Script, number>()
    const languages = new Map<Language, number>()
    const count = <Key>(counts: Map<Key, number>, key: Key | null) => {
      if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    return {
      see({ title, description }) {
        count(scripts, mainScript(title))
        count(languages, languageOf(description))
      },
      learn: () => ({
        script: usualOf(scripts, TEXTS_MIN, SHARE_MIN),
        language: usualOf(languages, TEXTS_MIN, SHARE_MIN),
      }),
    }
  },
  judge(learnt, { title, description }) {
    const script = learnt.script && mainScript(title)
    const language = learnt.language && languageOf(description)
    return [
      ...(learnt.script && script && script !== learnt.script.value
        ? [
            findingOf(
              SCRIPT,
              'title',
              `${script}; ${percentOf(learnt.script)} titles are in ${learnt.script.value}`,
            ),
          ]
        : []),
      ...(learnt.language && language && language !== learnt.language.value
        ? [
            findingOf(
              LANGUAGE,
              'description',
              `${language}; ${percentOf(learnt.language)} descriptions are in ${learnt.language.value}`,
            ),
          ]
        : []),
    ]
  },
}
