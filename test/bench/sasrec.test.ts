import { expect, it } from 'vitest'
import { measureSasrec, SMOKE } from './sasrec.ts'

it('learns made-up walks at smoke size, better than chance', async () => {
  const { all, items } = await measureSasrec(SMOKE)
  expect(all.users).toBe(SMOKE.data.sequences.length)
  expect(all.hr).toBeGreaterThan((2 * 10) / items)
}, 60_000)
