import { expect, it } from 'vitest'
import { readShop, shopFile } from '../fixtures/tiled-shop.ts'
import { measureImputation } from './impute.ts'

it('gives back what was hidden in the sample shop', async () => {
  const items = (await readShop(shopFile('sample'))).slice(0, 800)
  const { rows, samples } = await measureImputation({ name: 'sample', items }, 1, 3, false)
  const brand = rows.find(({ rule }) => rule === 'imputed-brand')!
  expect(brand.coverage).toBeGreaterThan(0.7)
  expect(brand.precision).toBeGreaterThan(0.95)
  expect(brand.calibrationError).toBeLessThan(0.1)
  expect(samples).toHaveLength(3)
})
