/** @file The sample shop's 2,000 products, written from the vocabulary in `departments.ts`, the same for a seed. */
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { KINDS } from './departments.ts'
import type { Choice, Kind } from './kind.ts'
import { pick, shuffle } from './pick.ts'

/** A product as a shop sends it to `POST /v1/items`, not cleaned yet. */
export type SampleItem = {
  id: string
  title: string
  description: string
  brand: string
  category: string[]
  price: number | string
  currency: string
  stock: number
  attributes: Record<string, string | number | boolean>
  image?: string
  url?: string
}

const TRIES_MAX = 1_000
/** One item in so many is badly kept, as in real catalogues; the quality rules mend it. */
const WART_EVERY = 100

/** Departments are mixed, so that any part of the list is a small shop of its own. */
export function sampleCatalogue(seed = 1): SampleItem[] {
  const random = createRandom(seed)
  const titles = new Set<string>()
  const items = KINDS.flatMap((kind) =>
    Array.from({ length: kind.count }, (_, index) => {
      const item = makeUnique(kind, titles, random)
      return { id: `${kind.prefix}-${String(index + 1).padStart(4, '0')}`, ...item }
    }),
  )
  return shuffle(items, random).map(addWart)
}

function makeUnique(kind: Kind, titles: Set<string>, random: Random): Omit<SampleItem, 'id'> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const item = makeItem(kind, random)
    if (titles.has(item.title)) continue
    titles.add(item.title)
    return item
  }
  throw new Error(`the vocabulary of ${kind.prefix} is too small for ${kind.count} titles`)
}

function makeItem(kind: Kind, random: Random): Omit<SampleItem, 'id'> {
  const brand = pick(kind.brands, random)
  const traits = Object.entries(kind.traits).map(([name, choices]) => ({ name, ...pick(choices, random) }))
  const wording = new Map(traits.map(({ name, text }) => [name, text]))
  wording.set('brand', brand).set('noun', pick(kind.nouns, random))
  wording.set('model', kind.model.map((list) => pick(list, random)).join(' '))
  return {
    title: fill(kind.title, wording)
      .split(', ')
      .filter((part) => part.trim() !== '')
      .join(', ')
      .replace(/ +/g, ' ')
      .trim(),
    description: describe(kind, traits, wording, random),
    brand,
    category: kind.path,
    price: makePrice(kind, traits, random),
    currency: 'EUR',
    stock: random() < 0.06 ? 0 : 1 + Math.floor(random() ** 2 * 240),
    attributes: Object.fromEntries(traits.map(({ name, value }) => [name, value])),
  }
}

/** One to three sentences: what it is, then what its attributes say or what holds for the whole kind. */
function describe(kind: Kind, traits: Choice[], wording: Map<string, string>, random: Random): string {
  const fits = (template: string) =>
    [...template.matchAll(PLACEHOLDER)].every(([, name]) => wordingOf(name!, wording) !== '')
  const facts = traits.flatMap(({ says }) => (says === undefined ? [] : [says]))
  const further = shuffle([...facts, ...kind.more.filter(fits)], random)
  const sentences = [pick(kind.opening.filter(fits), random), ...further.slice(0, Math.floor(random() * 3))]
  return sentences.map((sentence) => fill(sentence, wording)).join(kind.language === 'zh' ? '' : ' ')
}

const PLACEHOLDER = /\{([^}]+)\}/g

/** "a" where the word that was filled in wants "an": by sound, so "a USB" but "an LED" and "an 8-hour". */
const ARTICLE_BEFORE_VOWEL = /\b(a)(?= (?:[aeio]|ul|LED|8|1[18]\b))/gi

/** `{Noun}` is `{noun}` with a capital, for the start of a sentence. */
const fill = (template: string, wording: Map<string, string>): string =>
  template
    .replace(PLACEHOLDER, (_, name: string) => wordingOf(name, wording))
    .replace(ARTICLE_BEFORE_VOWEL, '$1n')

function wordingOf(name: string, wording: Map<string, string>): string {
  const exact = wording.get(name)
  if (exact !== undefined) return exact
  const text = wording.get(name[0]!.toLowerCase() + name.slice(1))
  if (text === undefined) throw new Error(`no wording for {${name}}`)
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** Even on a log scale between the kind's bounds, times what the attributes cost, ending as shop prices do. */
function makePrice({ price: [low, high] }: Kind, traits: Choice[], random: Random): number {
  const cost = traits.reduce((product, { cost }) => product * cost, 1)
  const amount = low * (high / low) ** random() * cost
  if (amount >= 200) return Math.round(amount / 10) * 10 - 1
  const cents = random() < 0.7 ? 99 : pick([0, 49, 90, 95], random)
  return (Math.max(2, Math.floor(amount)) * 100 + cents) / 100
}

/** Every hundredth row is untidy: half have a price in words, then HTML, then a shouted brand. None is refused. */
function addWart(item: SampleItem, index: number): SampleItem {
  if (index % WART_EVERY !== 37) return item
  const turn = Math.floor(index / WART_EVERY) % 4
  if (turn === 1) return { ...item, description: `<p>${item.description}</p><ul><li>${item.brand}</li></ul>` }
  if (turn === 3) return { ...item, brand: item.brand.toUpperCase() }
  const written = Number(item.price).toFixed(2).replace('.', ',')
  return { ...item, price: `${written} €` }
}
