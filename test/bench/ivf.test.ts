import { expect, it } from 'vitest'
import { measureIvf, SMOKE } from './ivf.ts'

it('finds more the more lists are read, and all of it in all of them', async () => {
  const { rows, lists } = await measureIvf(SMOKE)
  const recalls = rows.map(({ recallAt10 }) => recallAt10)
  expect(recalls).toEqual(recalls.toSorted((a, b) => a - b))
  expect(rows.at(-1)).toMatchObject({ probes: lists, recallAt10: 1, read: 1 })
})
