/**
 * @file MiniSearch over the shop of the lexical benchmark: the same text in the same fields, with weights like ours. It is asked as a
 * shop would ask it: beginnings only for a word in the making, fuzzy terms only where a query is misspelt.
 */
import type { Item } from '../../shared/schema/item.ts'
import type { Query } from './lexical-queries.ts'
import { type BenchShop, say } from './lexical-shop.ts'
import { loadPeer } from './peer-package.ts'

/** The part of the library that is used. */
type Options = object
type Found = { id: number; price: number | null; stock: number | null; brand: string }
type MiniSearch = {
  addAll(documents: readonly object[]): void
  search(text: string, options: Options): Found[]
}
type Library = {
  new (options: Options): MiniSearch
  loadJSON(json: string, options: Options): MiniSearch
}

const OPTIONS = {
  fields: ['title', 'brand', 'category', 'description', 'attributes'],
  storeFields: ['price', 'stock', 'brand'],
}
const BOOST = { title: 3, brand: 2, category: 2 }
/** Share of the letters of a word that may be wrong: two of ten. */
const FUZZY = 0.2

/** Returns how many it found; it makes a list of all of them, however few are shown. */
export type PeerSearch = (query: Query, isMisspelt: boolean) => number

/** Built once, then read: its index is text, and so both arms start from a file. */
export async function openMiniSearch(shop: BenchShop): Promise<PeerSearch> {
  const Library = loadPeer<Library>('minisearch')
  const json = await shop.kept('minisearch.json', async () => {
    const items = await shop.items()
    say('builds the index of minisearch')
    const made = new Library(OPTIONS)
    made.addAll(items.map(documentOf))
    return JSON.stringify(made)
  })
  say('loads minisearch')
  const library = Library.loadJSON(json, OPTIONS)
  return ({ text, filter }, isMisspelt) => {
    const isBegun = !text.endsWith(' ')
    return library.search(text, {
      ...{ boost: BOOST, fuzzy: isMisspelt ? FUZZY : false },
      prefix: (_: string, at: number, words: readonly string[]) => isBegun && at === words.length - 1,
      ...(filter === null ? {} : { filter: filter.test }),
    }).length
  }
}

const documentOf = (item: Item, id: number) => ({
  ...{ id, title: item.title, brand: item.brand, category: item.category.join(' ') },
  ...{ description: item.description, attributes: Object.values(item.attributes).flat().join(' ') },
  ...{ price: item.price, stock: item.stock },
})
