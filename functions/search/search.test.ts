/** @file What search leaves out when a stage is late. What it finds is in shopper.workerd.test.ts and shared/retrieval. */
import { beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../../shared/lib/result.ts'
import { type FixtureItem, fixtureIndex } from '../../shared/retrieval/fixture.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { createIndexSource } from '../../shared/retrieval/source.ts'
import { StageTimer } from '../ranking/stages.ts'
import { createSearch, type SearchMode } from './search.ts'

const BUDGETS = { profile: 50, retrieve: 100, rank: 20, diversify: 20 }
const LAMP = Float32Array.of(1, 0, 0, 0)
const ITEMS: FixtureItem[] = [
  { id: 'lamp-1', title: 'red lamp', vector: LAMP },
  { id: 'light-1', title: 'floor light', vector: LAMP },
]
let index: Index
beforeAll(async () => {
  index = await fixtureIndex(ITEMS, { fusion: { vectorWeight: 0.5 } })
  index.manifest.model.trained = true
})

/** A search whose clock passes `lookMs` each time that it is looked at. */
async function searchWith(lookMs: number, mode: SearchMode) {
  let now = 0
  let encoded = 0
  const encoder = {
    encode: async () => {
      encoded++
      return ok(LAMP)
    },
  }
  const stages = new StageTimer(() => (now += lookMs), BUDGETS)
  const request = { requestId: 'r', query: 'lamp', limit: 10, offset: 0, filter: undefined, facets: [], mode }
  const reply = await createSearch({ encoder, sourceOf: createIndexSource })(index, request, stages, () => {})
  if (!reply.ok) throw new Error(reply.error.kind)
  return { ids: reply.value.hits.map(({ id }) => id), degraded: reply.value.degraded, encoded }
}

describe('search that is late', () => {
  it('in time uses words and vectors', async () => {
    expect(await searchWith(1, 'hybrid')).toEqual({ ids: ['lamp-1', 'light-1'], degraded: [], encoded: 1 })
  })
  it('after the words leaves the vectors out, and says so', async () => {
    expect(await searchWith(101, 'hybrid')).toEqual({
      ids: ['lamp-1'],
      degraded: ['retrieve-over-budget'],
      encoded: 0,
    })
  })
  it('waits when only vectors were asked for', async () => {
    const { degraded, encoded } = await searchWith(101, 'vector')
    expect({ degraded, encoded }).toEqual({ degraded: [], encoded: 1 })
  })
})
