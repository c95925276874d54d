import { expect, it } from 'vitest'
import { fixtureIndex } from '../../shared/retrieval/fixture.ts'
import { createNumbersOf } from './item-numbers.ts'

const CATALOGUE = new Map([
  ['a', 1],
  ['b', 2],
  ['new', 3],
])
async function open(isCold = false) {
  const index = await fixtureIndex([
    { id: 'a', title: 'lamp' },
    { id: 'b', title: 'chair' },
  ])
  const asked: string[][] = []
  const numbersOf = createNumbersOf(
    () => (isCold ? null : index),
    async (ids) => {
      asked.push([...ids])
      return new Map(ids.flatMap((id) => (CATALOGUE.has(id) ? [[id, CATALOGUE.get(id)!] as const] : [])))
    },
  )
  return { numbersOf, asked }
}

it('items that the index shows cost no query, others are asked for together', async () => {
  const { numbersOf, asked } = await open()
  expect([...(await numbersOf(['a', 'b']))]).toEqual([
    ['a', 1],
    ['b', 2],
  ])
  expect(asked).toEqual([])
  expect([...(await numbersOf(['new', 'a', 'ghost']))].sort()).toEqual([
    ['a', 1],
    ['new', 3],
  ])
  expect(asked).toEqual([['new', 'ghost']])
})

it('a cold isolate asks the catalogue', async () => {
  const { numbersOf, asked } = await open(true)
  expect([...(await numbersOf(['a']))]).toEqual([['a', 1]])
  expect(asked).toEqual([['a']])
})
