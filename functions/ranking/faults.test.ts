import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFaults, FAULT_NAMES_MAX, isFault } from './faults.ts'

it('faults are counted by name, with the time of the last', () => {
  let now = 0
  const faults = createFaults(() => now)
  faults.count('shard-2-timeout')
  faults.count('segment-corrupt')
  now = 1_000
  faults.count('shard-2-timeout')
  expect(faults.list()).toEqual([
    { name: 'shard-2-timeout', count: 2, last: '1970-01-01T00:00:01.000Z' },
    { name: 'segment-corrupt', count: 1, last: '1970-01-01T00:00:00.000Z' },
  ])
})

it('however many names there are, none is lost and the list stays bounded', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3 * FAULT_NAMES_MAX), { maxLength: 1_000 }), (names) => {
      const faults = createFaults(() => 0)
      let taken = 0
      names.forEach((name, at) => {
        faults.count(`fault-${name}`)
        if (at % 7 === 0) taken += faults.taken()
      })
      expect(faults.list().length).toBeLessThanOrEqual(FAULT_NAMES_MAX)
      expect(faults.list().reduce((sum, { count }) => sum + count, 0)).toBe(names.length)
      expect(taken + faults.taken()).toBe(names.length)
      expect(faults.taken()).toBe(0)
    }),
    { seed: 3, numRuns: 50 },
  )
})

it('a model that is loading is no fault', () => {
  const names = ['query-encoder-loading', 'ranker-failed', 'shard-0-timeout', 'ivf-failed', 'profile-timeout']
  expect(names.filter(isFault)).toEqual(names.slice(1))
})
