/** @file Similar items when the stage is late. What is similar is in shopper.workerd.test.ts. */
import { expect, it } from 'vitest'
import { fixtureIndex } from '../../shared/retrieval/fixture.ts'
import { createIndexItems } from '../../shared/retrieval/item-source.ts'
import { NO_SIGNALS } from '../ranking/signals.ts'
import { StageTimer } from '../ranking/stages.ts'
import { findSimilar } from './similar.ts'

const vector = Float32Array.of(1, 0, 0, 0)
const ITEMS = [
  { id: 'lamp-1', title: 'red lamp', vector },
  { id: 'lamp-2', title: 'green lamp', vector },
  { id: 'light-1', title: 'floor light', vector },
]

it('late after the words, vectors are left out, and the list says so', async () => {
  const items = createIndexItems(await fixtureIndex(ITEMS))
  const find = async (lookMs: number) => {
    let now = 0
    const stages = new StageTimer(() => (now += lookMs), {
      profile: 50,
      retrieve: 100,
      rank: 20,
      diversify: 20,
    })
    const { ranked, degraded } = (await findSimilar(items, NO_SIGNALS, 'lamp-1', 10, stages))!
    return { ids: ranked.map(({ doc }) => items.display(doc)!.id), degraded }
  }
  expect(await find(1)).toEqual({ ids: ['lamp-2', 'light-1'], degraded: [] })
  expect(await find(101)).toEqual({ ids: ['lamp-2'], degraded: ['retrieve-over-budget'] })
})
