/** @file Why an item is in a list, in words: templates in English and Chinese, filled with the titles of items. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { dot } from '../../shared/vector/dot.ts'
import { LINEAR_WEIGHTS } from '../ranking/ranker.ts'
import type { Candidate } from './candidates.ts'
import type { Seed } from './interests.ts'

export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

const TITLE_CHARS_MAX = 60
/** A weaker seed is named only where no stronger one is near, and each costs a comparison with every hit. */
const NAMED_MAX = 16
/** Beside the cosine, when the seed of a reason is chosen: a strong one, and one of the same category. */
const WEIGHT_SAYS = 0.05
const CATEGORY_SAYS = 0.2

type Template = (name: string) => string
/** By the kind of seed, and for what speaks without one. */
type ReasonKind =
  | Seed['kind']
  | 'together'
  | 'popular'
  | 'brand'
  | 'fresh'
  | 'again'
  | 'sale'
  | 'range'
  | 'viewed'
  | 'bought'
  | 'pinned'
  | 'sponsored'

const TEMPLATES: Record<Language, Record<ReasonKind, Template>> = {
  en: {
    view: (title) => `because you viewed '${title}'`,
    click: (title) => `because you viewed '${title}'`,
    rating: (title) => `because you liked '${title}'`,
    'add-to-cart': (title) => `because you put '${title}' in your cart`,
    purchase: (title) => `because you bought '${title}'`,
    context: (title) => `because you are looking at '${title}'`,
    cart: (title) => `because you have '${title}' in your cart`,
    together: (title) => `often bought with '${title}'`,
    popular: () => 'popular now',
    brand: (brand) => `from ${brand}, a brand you like`,
    fresh: () => 'new in the shop',
    again: () => 'time to buy it again',
    sale: () => 'on sale',
    range: () => 'from the range of the shop',
    viewed: () => 'you looked at this',
    bought: (days) => `you bought this ${days} days ago`,
    pinned: () => 'chosen by the shop',
    sponsored: () => 'sponsored',
  },
  zh: {
    view: (title) => `因为您浏览过「${title}」`,
    click: (title) => `因为您浏览过「${title}」`,
    rating: (title) => `因为您喜欢「${title}」`,
    'add-to-cart': (title) => `因为您把「${title}」加入了购物车`,
    purchase: (title) => `因为您购买过「${title}」`,
    context: (title) => `因为您正在看「${title}」`,
    cart: (title) => `因为您的购物车里有「${title}」`,
    together: (title) => `常与「${title}」一起购买`,
    popular: () => '近期热门',
    brand: (brand) => `来自您喜欢的品牌${brand}`,
    fresh: () => '新品上架',
    again: () => '又到了购买的时候',
    sale: () => '正在促销',
    range: () => '来自本店精选',
    viewed: () => '您浏览过',
    bought: (days) => `您在${days}天前购买过`,
    pinned: () => '商家推荐',
    sponsored: () => '赞助',
  },
}

export const sentence = (language: Language, kind: ReasonKind, name = ''): string =>
  TEMPLATES[language][kind](name)

export type KnownSeed = { seed: Seed; vector: Float32Array | null; leaf: string | undefined }

/** The strongest seeds as reasons compare items with them; their vectors are loaded. */
export const knownSeeds = (items: ItemSource, seeds: readonly Seed[]): KnownSeed[] =>
  seeds
    .slice(0, NAMED_MAX)
    .map((seed) => ({ seed, vector: items.vector(seed.doc), leaf: items.category(seed.doc).at(-1) }))

/** The part that speaks most for an item comes first, by the weights set by hand: a learnt ranker does not say why. */
export function reasonsOf(
  items: ItemSource,
  { doc, category, parts, because }: Candidate,
  seeds: readonly KnownSeed[],
  titleOf: (doc: number) => string,
  language: Language,
): string[] {
  const reasons: { text: string; share: number }[] = []
  const say = (kind: ReasonKind, share: number, name?: string) => {
    if (share > 0) reasons.push({ text: sentence(language, kind, name), share })
  }
  if (because) say('together', LINEAR_WEIGHTS.together * parts.together, titleOf(because.doc))
  const taste = LINEAR_WEIGHTS.vector * parts.vector + LINEAR_WEIGHTS.category * parts.category
  const nearest = taste > 0 ? nearestSeed(items, doc, category, seeds) : null
  if (nearest) say(nearest.kind, taste, titleOf(nearest.doc))
  say('again', LINEAR_WEIGHTS.again * parts.again)
  say('popular', LINEAR_WEIGHTS.popular * parts.popular)
  say('brand', LINEAR_WEIGHTS.brand * parts.brand, items.brand(doc))
  say('fresh', LINEAR_WEIGHTS.fresh * parts.fresh)
  say('sale', LINEAR_WEIGHTS.sale * parts.sale)
  if (reasons.length === 0) return [sentence(language, 'range')]
  return reasons.sort((a, b) => b.share - a.share).map(({ text }) => text)
}

/** Titles as reasons name them: shortened, and each read once, because a few seeds explain a whole list. */
export function shortTitles(items: ItemSource): (doc: number) => string {
  const titles = new Map<number, string>()
  return (doc) => {
    const known = titles.get(doc)
    if (known !== undefined) return known
    const title = items.title(doc)
    const short =
      title.length > TITLE_CHARS_MAX ? `${title.slice(0, TITLE_CHARS_MAX - 1).toWellFormed()}…` : title
    titles.set(doc, short)
    return short
  }
}

/** The seed that speaks most for an item: nearest in meaning, or else of the same category. Never the item itself. */
function nearestSeed(
  items: ItemSource,
  doc: number,
  category: readonly string[],
  seeds: readonly KnownSeed[],
): Seed | null {
  const own = items.vector(doc)
  const ownLeaf = category.at(-1)
  let best: Seed | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  for (const { seed, vector, leaf } of seeds) {
    if (seed.doc === doc) continue
    let score = seed.weight * WEIGHT_SAYS + (leaf !== undefined && leaf === ownLeaf ? CATEGORY_SAYS : 0)
    if (own && vector?.length === own.length) score += dot(own, vector)
    if (score > bestScore) {
      best = seed
      bestScore = score
    }
  }
  return best
}
