/** @file Seeded queries of every kind that a shop is asked, from the words of its titles. */
import type { Random } from '../../shared/lib/random.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { analyse } from '../../shared/text/analyse.ts'

/** In the filter language, and as a test of stored fields for a library that has none. */
export type BenchFilter = {
  text: string
  test(item: { price: number | null; stock: number | null; brand: string }): boolean
}
export type Query = {
  text: string
  filter: BenchFilter | null
  /** Hits alone, with counts of brands, categories and prices, or completions instead. */
  asks: 'hits' | 'facets' | 'completions'
}

/** @param count queries of each kind */
export function queriesOf(index: Index, count: number, random: Random): Record<string, Query[]> {
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const titles = Array.from({ length: index.docCount }, (_, doc) => {
    const title = index.title(doc)
    return { title, words: title.toLowerCase().split(/\s+/).filter(isWord), brand: index.brand(doc) }
  }).filter(({ words }) => words.length >= 2)
  const make = (text: () => string, more: () => Partial<Query> = () => ({})): Query[] =>
    Array.from({ length: count }, () => ({ text: text(), filter: null, asks: 'hits', ...more() }))
  const oneWord = () => any(any(titles).words)
  const manyWords = () =>
    any(titles)
      .title.split(/\s+/)
      .slice(0, 4 + Math.floor(random() * 5))
      .join(' ')
  const frequent = frequentWords(titles, count).map((word) => `${word} `)
  const ofFrequent = (asks: Query['asks']) => frequent.map((text): Query => ({ text, filter: null, asks }))
  const longWord = () => {
    for (let tries = 0; tries < 1_000; tries++) {
      const word = oneWord()
      if (word.length >= 6) return word
    }
    return 'keyboard'
  }
  const beginning = () => {
    const word = oneWord()
    return word.slice(0, 2 + Math.floor(random() * (word.length - 2)))
  }
  return {
    'one word': make(() => `${oneWord()} `),
    'frequent word': ofFrequent('hits'),
    'frequent word, facets': ofFrequent('facets'),
    'many words': make(() => `${manyWords()} `),
    'whole title': make(() => `${any(titles).title} `),
    'word in the making': make(beginning),
    'words, last in the making': make(() => {
      const [first, second] = any(titles).words.slice(-2)
      return `${first} ${second!.slice(0, 3)}`
    }),
    misspelt: make(() => `${oneWord()} ${misspell(longWord(), random)} `),
    filtered: make(
      () => `${oneWord()} ${oneWord()} `,
      () => ({
        filter: any([priceFilter(10 + Math.floor(random() * 500)), brandFilter(any(titles).brand || 'HP')]),
      }),
    ),
    suggest: make(beginning, () => ({ asks: 'completions' })),
    'suggest, misspelt': make(
      () => misspell(longWord(), random),
      () => ({ asks: 'completions' }),
    ),
  }
}

const priceFilter = (most: number): BenchFilter => ({
  text: `price<${most} AND inStock`,
  test: ({ price, stock }) => price !== null && price < most && stock !== 0,
})
const brandFilter = (name: string): BenchFilter => ({
  text: `brand="${name}"`,
  test: ({ brand }) => brand === name,
})

const known = new Map<string, boolean>()
function isWord(word: string): boolean {
  const isOne = known.get(word) ?? (/^[a-z]{3,}$/.test(word) && analyse(word).length > 0)
  known.set(word, isOne)
  return isOne
}

function frequentWords(titles: readonly { words: string[] }[], count: number): string[] {
  const counts = new Map<string, number>()
  for (const { words } of titles) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, count)
    .map(([word]) => word)
}

/** One letter left out, doubled, changed or exchanged with the next, not at the start. */
export function misspell(word: string, random: Random): string {
  const at = 1 + Math.floor(random() * (word.length - 2))
  const [before, letter, after] = [word.slice(0, at), word[at]!, word.slice(at + 1)]
  const edits = [
    before + after,
    before + letter + letter + after,
    `${before}z${after}`,
    before + after[0]! + letter + after.slice(1),
  ]
  return edits[Math.floor(random() * edits.length)]!
}
