import { expect, it } from 'vitest'
import { measureClean } from './clean.ts'

it('measures a small table with errors put in, the same each time', async () => {
  const [table] = (await measureClean(true)).tables
  expect(table!.errors).toBeGreaterThan(10)
  expect(table!.unlabelled.f1).toBeGreaterThan(0.3)
  expect(table!.labelled.f1).toBeGreaterThan(table!.unlabelled.f1)
  const [again] = (await measureClean(true)).tables
  expect({ ...again, seconds: 0 }).toEqual({ ...table, seconds: 0 })
})
