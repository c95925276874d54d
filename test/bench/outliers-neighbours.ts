/** @file Prices judged by the items nearest in the vector space of the shipped model: slips found, and findings in the shop as it is. */
import { SHIPPED_MODEL_DIR } from '../../gpu-worker/config.ts'
import { createEncoder } from '../../gpu-worker/encode/encoder.ts'
import { findNearest } from '../../gpu-worker/train/nearest.ts'
import { readBase } from '../../infra/cli/train.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { priceUnlikeNeighbours } from '../../shared/quality/outliers/neighbours.ts'
import { type Item, itemText } from '../../shared/schema/item.ts'

const NEIGHBOURS = 12
const SHARE = 0.05
const FACTORS = [10, 0.1, 100, 0.01, 1_000, 0.001]

export type NeighboursReport = {
  items: number
  /** In the shop as it is. */
  findings: number
  recalls: { factor: number; recall: number }[]
  samples: string[]
}

export async function measureNeighbours(
  items: readonly Item[],
  seed: number,
  sampleCount: number,
): Promise<NeighboursReport> {
  const checkpoint = await readBase(SHIPPED_MODEL_DIR)
  const encoder = await createEncoder({ checkpoint, precision: 'int8', threads: 1 })
  const vectors = await encoder.encode(items.map(itemText))
  await encoder.close()
  const nearest = await findNearest(vectors, vectors, NEIGHBOURS + 1, { threads: 1 })
  const around = nearest.map((places, at) =>
    places
      .filter((place) => place !== at)
      .slice(0, NEIGHBOURS)
      .map((place) => items[place]!.price ?? 0),
  )
  const judge = (at: number, factor: number) =>
    priceUnlikeNeighbours((items[at]!.price ?? 0) * factor, around[at]!)
  const lines = items.flatMap(({ title }, at) =>
    judge(at, 1).map(({ evidence }) => `${title.slice(0, 60)} | ${evidence}`),
  )
  const random = createRandom(seed)
  const asked = [...items.keys()].filter(() => random() < SHARE)
  return {
    items: items.length,
    findings: lines.length,
    recalls: FACTORS.map((factor) => ({
      factor,
      recall: asked.filter((at) => judge(at, factor).length > 0).length / asked.length,
    })),
    samples: lines
      .map((line) => ({ line, order: random() }))
      .sort((a, b) => a.order - b.order)
      .slice(0, sampleCount)
      .map(({ line }) => line),
  }
}
