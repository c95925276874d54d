import { describe, expect, it } from 'vitest'
import type { TrainingItem } from '../examples.ts'
import { mineKinds } from './kinds.ts'

const item = (title: string, category: string[] = []): TrainingItem => ({
  ...{ id: title, title, brand: 'HP', category, description: '' },
})
const kinds = mineKinds([
  item('HP 10 large format printer Black'),
  item('HP 20 inkjet printer, 4800 dpi'),
  item('HP Officejet printer'),
  item('HP printer cover'),
  item('HP 30', ['Printers']),
])

describe('kinds of thing in a catalogue', () => {
  it('are nouns that several titles share, with and without the words before them', () => {
    expect(kinds.of(0)).toEqual(['printer', 'format printer', 'large format printer'])
    expect(kinds.of(1)).toEqual(['printer', 'inkjet printer'])
  })
  it('are not words that narrow another noun down, nor nouns of one title', () => {
    expect(kinds.of(3)).toEqual([])
  })
  it('have as nouns of an item its rare ones too, and those of its category', () => {
    expect([...kinds.headsOf(3)]).toEqual(['cover'])
    expect([...kinds.headsOf(4)]).toEqual(['printer'])
  })
})
