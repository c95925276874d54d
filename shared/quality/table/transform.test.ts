import { describe, expect, it } from 'vitest'
import { learnTransforms } from './transform.ts'

/** What the first change that applies makes of a value. */
const repair = (examples: [string, string][], value: string, kept: string[] = []) => {
  const learnt = learnTransforms(
    examples.map(([dirty, clean]) => ({ dirty, clean })),
    kept,
  )
  for (const { apply } of learnt) {
    const changed = apply(value)
    if (changed !== null && changed !== value) return changed
  }
  return null
}

describe('a change learnt from one example is made to other values', () => {
  it.each<[string, [string, string], string, string]>([
    ['units go', ['12.0 oz.', '12'], '16.5 ounce', '16.5'],
    ['an end goes', ['Portland OR', 'Portland'], 'Salem OR', 'Salem'],
    ['a start goes', ['No. 12a', '12a'], 'No. 7b', '7b'],
    ['case', ['ENG', 'eng'], 'FRE', 'fre'],
    ['white space', [' a b ', 'a b'], 'c ', 'c'],
    ['what follows a number', ['0035-9157 (Print)', '0035-9157'], '1234-5678 (ISSN)', '1234-5678'],
    ['dates', ['31.12.2023', '2023-12-31'], '01.03.2024', '2024-03-01'],
    ['an escaped mark', ['a &amp; b', 'a & b'], 'c &amp; d', 'c & d'],
    ['something in front', ['64', 'vol. 64'], '7', 'vol. 7'],
  ])('%s', (_, example, value, repaired) => {
    expect(repair([example], value)).toBe(repaired)
  })
})

it('a change that would spoil a value labelled as clean is not learnt', () => {
  expect(repair([['ENG', 'eng']], 'USA', ['UK'])).toBeNull()
})

it('a change that examples contradict is not learnt', () => {
  expect(
    repair(
      [
        ['12 oz', '12'],
        ['16 oz', '1'],
      ],
      '20 oz',
    ),
  ).toBeNull()
})

it('signs of patterns in a value are only signs', () => {
  expect(repair([['[Aé] 1/2-3 (a.b)*', '[Aé] 1/2-3']], '[Bé] 4/5-6 (c.d)*')).toBe('[Bé] 4/5-6')
})
