import { describe, expect, it } from 'vitest'
import { analyseQuery } from '../text/analyse.ts'
import { isOpen } from '../vector/engine.ts'
import { compileFilter, parseFilter } from './filter.ts'
import { fixtureIndex, fixtureManifest, fixtureSegment } from './fixture.ts'
import { matchedWords, searchLexical } from './lexical.ts'
import { buildIndex, type Index } from './load-index.ts'
import { searchVector } from './vector.ts'

const ITEMS = [
  { id: 'a', title: 'Bluetooth speaker', brand: 'JBL', price: 50, stock: 3, category: ['Audio', 'Speakers'] },
  {
    id: 'b/é 🎧',
    title: 'Bluetooth headphones',
    brand: 'Sony',
    price: 150,
    stock: 0,
    category: ['Audio', 'Headphones'],
  },
  {
    id: 'c',
    title: 'Speaker stand for a bookshelf',
    brand: 'HP',
    price: null,
    attributes: { colour: 'Black' },
  },
  {
    id: 'd',
    title: 'HP 301 ink cartridge black',
    brand: 'HP',
    price: 20,
    attributes: { colour: ['Black', 'Cyan'] },
  },
]
const search = (index: Index, query: string, limit = 10) =>
  searchLexical(index, analyseQuery(query), limit).matches.map(({ doc }) => index.id(doc))
const filtered = (index: Index, text: string) => {
  const filter = parseFilter(text)
  if (!filter.ok) throw new Error(filter.error.message)
  const mask = compileFilter(index, filter.value)
  return Array.from({ length: index.docCount }, (_, doc) => doc)
    .filter((doc) => isOpen(mask, doc))
    .map((doc) => index.id(doc))
}

describe('lexical search', () => {
  it('puts the item with all words first and finds stems, prefixes and ids', async () => {
    const index = await fixtureIndex(ITEMS)
    expect(search(index, 'bluetooth speakers')[0]).toBe('a')
    expect(search(index, 'hp ink')[0]).toBe('d')
    expect(search(index, 'blueto').sort()).toEqual(['a', 'b/é 🎧'])
    expect(search(index, 'nothing-like-it')).toEqual([])
    expect(search(index, '')).toEqual([])
  })
  it('puts what the thing is before what goes with it', async () => {
    const index = await fixtureIndex([
      { id: 'cover', title: 'CHERRY Keyboard cover', category: ['Keyboard cover'] },
      { id: 'rest', title: 'Foam Keyboard Wrist Rest for Typing', brand: 'StarTech.com' },
      {
        id: 'keyboard',
        title: 'Logitech K120 wired keyboard QWERTY Black',
        brand: 'Logitech',
        category: ['Keyboards'],
      },
    ])
    expect(search(index, 'keyboard')[0]).toBe('keyboard')
    expect(search(index, 'keyboard cover')[0]).toBe('cover')
    expect(search(index, 'keybaord')[0]).toBe('keyboard')
  })
  it('prefers a word in the title to the same words scattered over attributes', async () => {
    const index = await fixtureIndex([
      {
        id: 'pda',
        title: 'Pocket computer',
        attributes: { radio: 'bluetooth', sound: 'speaker', port: 'usb' },
      },
      { id: 'speaker', title: 'Speaker', attributes: { bluetooth: true } },
    ])
    expect(search(index, 'bluetooth speaker ')).toEqual(['speaker', 'pda'])
  })
  it('does not punish an item for being described well', async () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 80 }, (_, n) => [`a${n}`, `value number ${n}`]),
    )
    const index = await fixtureIndex([
      { id: 'short', title: 'Oak desk for two' },
      { id: 'long', title: 'Oak desk', description: 'Solid wood. '.repeat(50), attributes },
    ])
    expect(search(index, 'oak desk ')).toEqual(['long', 'short'])
  })
  it('takes the name of a yes-or-no attribute for a word when the answer is yes', async () => {
    const index = await fixtureIndex([
      { id: 'yes', title: 'Lamp', attributes: { dimmable: true } },
      { id: 'no', title: 'Lamp', attributes: { dimmable: false } },
    ])
    expect(search(index, 'dimmable ')).toEqual(['yes'])
  })
  it('finds another name of the thing, after the name that was typed', async () => {
    const index = await fixtureIndex([
      { id: 'other', title: 'Notebook silver' },
      { id: 'typed', title: 'Laptop silver' },
      { id: 'none', title: 'Desk silver' },
    ])
    expect(search(index, 'laptop ')).toEqual(['typed', 'other'])
  })
  it('gives the same answer whatever was asked before, on an index of any size', async () => {
    const [small, large] = [await fixtureIndex(ITEMS.slice(0, 2)), await fixtureIndex(ITEMS)]
    const asked = ['bluetooth', 'hp ink black', 'speaker stand']
    const fresh = asked.map((query) => [search(small, query), search(large, query)])
    for (const index of [large, small, large]) for (const query of [...asked].reverse()) search(index, query)
    expect(asked.map((query) => [search(small, query), search(large, query)])).toEqual(fresh)
  })
  it('names the words that matched, as they were typed', async () => {
    const index = await fixtureIndex(ITEMS)
    const result = searchLexical(index, analyseQuery('Bluetooth Speakers xyz '), 1)
    expect(matchedWords(result, result.matches[0]!.found)).toEqual(['bluetooth', 'speakers'])
    expect(result.total).toBe(3)
  })
  it('orders equal scores by item number', async () => {
    const index = await fixtureIndex(
      Array.from({ length: 50 }, (_, i) => ({ id: `i${i}`, title: 'same words' })),
    )
    expect(search(index, 'same ', 5)).toEqual(['i0', 'i1', 'i2', 'i3', 'i4'])
  })
})

describe('an index of several segments', () => {
  it('shows the newest version of a number, whatever the order of the segments', async () => {
    const old = await fixtureSegment([{ id: 'a', title: 'Old title' }], { version: 1 })
    const young = await fixtureSegment([{ id: 'a', title: 'Young title' }], { version: 2 })
    for (const segments of [
      [old, young],
      [young, old],
    ]) {
      const index = buildIndex(fixtureManifest(segments.map(({ ref }) => ref)), segments)
      expect(search(index, 'title')).toEqual(['a'])
      expect(search(index, 'old ')).toEqual([])
      expect(index.title(index.docOfId('a')!)).toBe('Young title')
      expect([index.has(1, 2), index.has(1, 3), index.has(2, 1)]).toEqual([true, false, false])
    }
  })
  it('hides what a tombstone names, and counts the tombstone as shown', async () => {
    const old = await fixtureSegment([{ id: 'a', title: 'Old title' }], { version: 1 })
    const gone = await fixtureSegment([{ number: 1, removed: true }], { version: 2 })
    const index = buildIndex(fixtureManifest([old.ref, gone.ref]), [old, gone])
    expect(search(index, 'old')).toEqual([])
    expect(index.docOfId('a')).toBeUndefined()
    expect(index.has(1, 2)).toBe(true)
    expect(index.liveCount).toBe(0)
  })
})

describe('filters', () => {
  it.each([
    ['price<100', ['a', 'd']],
    ['price>=50, price<=150', ['a', 'b/é 🎧']],
    ['brand="hp"', ['c', 'd']],
    ['brand=HP AND colour=cyan', ['d']],
    ['inStock', ['a', 'c', 'd']],
    ['stock>0', ['a']],
    ['category=speakers', ['a']],
    ['brand!=HP', ['a', 'b/é 🎧']],
    ['colour=purple', []],
  ])('%s', async (text, ids) => {
    expect(filtered(await fixtureIndex(ITEMS), text)).toEqual(ids)
  })
  it.each([
    ['price<', 6],
    ['price<abc', 6],
    ['brand', 5],
    ['brand<HP', 6],
    ['price<1 price>2', 8],
    ['', 0],
    ['=3', 0],
    ['brand="open', 6],
  ])('%j is refused at its position', (text, position) => {
    const filter = parseFilter(text)
    expect(filter.ok ? 'accepted' : filter.error.position).toBe(position)
  })
})

describe('vector search and fusion', () => {
  const items = [
    { id: 'x', title: 'x', vector: Float32Array.of(1, 0, 0, 0) },
    { id: 'y', title: 'y', vector: Float32Array.of(0, 1, 0, 0) },
    { id: 'z', title: 'z', vector: Float32Array.of(0.7, 0.7, 0, 0) },
    { id: 'none', title: 'no vector' },
  ]
  it('orders by cosine and leaves out items without a vector', async () => {
    const index = await fixtureIndex(items)
    const found = searchVector(index, Float32Array.of(1, 0.1, 0, 0), 10)
    expect(found.map(({ doc }) => index.id(doc))).toEqual(['x', 'z', 'y'])
    expect(found[0]!.score).toBeCloseTo(1, 1)
  })
})
