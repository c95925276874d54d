import { describe, expect, it } from 'vitest'
import { fixtureIndex, fixtureManifest, fixtureSegment } from './fixture.ts'
import { buildIndex } from './load-index.ts'
import { suggest } from './suggest.ts'

const titles = [
  'JBL Flip 5 portable bluetooth speaker',
  'Sony bluetooth speaker black',
  'Sony bluetooth headphones',
  'Bluetooth speakers, set of 2',
  'Blue paint for walls',
  'Gaming keyboard',
  'Café latte cup',
  '蓝牙音箱，防水',
]
const index = await fixtureIndex(
  titles.map((title, at) => ({ id: `i${at}`, title, brand: title.split(' ')[0] === 'Sony' ? 'Sony' : '' })),
)
const suggested = (typed: string, limit = 10) => suggest(index, typed, limit, [])

describe('suggestions', () => {
  it('complete what is typed by phrases of titles, those of the most items first', () => {
    expect(suggested('blueto')[0]).toBe('bluetooth speaker')
    expect(suggested('blueto')).toContain('bluetooth headphones')
    expect(suggested('blue')).toContain('blue paint')
    expect(suggested('bluetooth ', 1)).toEqual(['bluetooth speaker'])
  })
  it('name brands, and words with accents or in other scripts', () => {
    expect(suggested('son')).toContain('sony')
    expect(suggested('CAF')).toContain('cafe latte cup')
    expect(suggested('蓝')).toEqual(['蓝牙音箱'])
  })
  it('bear a typing error', () => {
    expect(suggested('bleuto')[0]).toBe('bluetooth speaker')
    expect(suggested('keybao')).toEqual(['keyboard'])
  })
  it('complete the last words where the first ones lead nowhere', () => {
    expect(suggested('cheap bluetooth sp')).toEqual(['cheap bluetooth speaker'])
  })
  it('say the same thing once', () => {
    expect(suggested('speaker')).toEqual(['speaker'])
  })
  it('begin with what shoppers searched for', () => {
    const past = [
      ['bluetooth adapter', 9],
      ['kettle', 5],
    ] as const
    expect(suggest(index, 'blueto', 2, past)).toEqual(['bluetooth adapter', 'bluetooth speaker'])
  })
  it('are none for nothing typed, and for what nothing begins with', () => {
    expect([suggested(''), suggested('  '), suggested('qqqq'), suggested('\u0000')]).toEqual([[], [], [], []])
  })
  it('leave out what no live item is called any more', async () => {
    const old = await fixtureSegment([
      { id: 'a', title: 'Red kettle' },
      { id: 'b', title: 'Red lamp' },
    ])
    const young = await fixtureSegment([{ number: 1, removed: true }], { version: 2, id: 'young' })
    const both = buildIndex(fixtureManifest([old.ref, young.ref]), [old, young])
    expect(suggest(both, 'red', 10, [])).toEqual(['red lamp'])
  })
})
