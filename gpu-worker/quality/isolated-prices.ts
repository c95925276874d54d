/** @file Prices far from those of the items nearest in vector space: what categories are too coarse, or too small, to tell. */
import { priceUnlikeNeighbours } from '../../shared/quality/outliers/neighbours.ts'
import type { Finding } from '../../shared/schema/item.ts'
import { dequantise } from '../../shared/vector/quantise.ts'
import type { Published } from '../indexing/index-store.ts'
import { findNearest } from '../train/nearest.ts'

/** Every item is compared with every other: 20,000 take some seconds. Of a larger shop as many are looked at, spread over it. */
const ITEMS_MAX = 20_000
const NEIGHBOURS = 12

type Priced = { number: number; price: number; currency: string; vector: Float32Array }

/** Findings by the number of the item. Items without price or vector have none, and are nobody's neighbours. */
export async function isolatedPrices(
  published: Pick<Published, 'segments' | 'state'>,
  threads: number,
): Promise<Map<number, Finding[]>> {
  const items = pricedItems(published)
  const vectors = items.map(({ vector }) => vector)
  const nearest = await findNearest(vectors, vectors, NEIGHBOURS + 1, { threads })
  const found = items.map(({ number, price, currency }, at): [number, Finding[]] => {
    const others = nearest[at]!.filter((place) => place !== at).slice(0, NEIGHBOURS)
    const prices = others.map((place) => items[place]!).filter((other) => other.currency === currency)
    return [
      number,
      priceUnlikeNeighbours(
        price,
        prices.map((other) => other.price),
      ),
    ]
  })
  return new Map(found.filter(([, findings]) => findings.length > 0))
}

function pricedItems({ segments, state }: Pick<Published, 'segments' | 'state'>): Priced[] {
  const rows = segments.flatMap((segment) =>
    Array.from({ length: segment.rows }, (_, row) => ({ segment, row })).filter(
      ({ row }) =>
        segment.live[row] === 1 &&
        segment.version[row] === state.versionOf(segment.number[row]!) &&
        segment.price[row]! > 0 &&
        segment.vectorScale[row]! > 0,
    ),
  )
  const step = Math.max(1, rows.length / ITEMS_MAX)
  return Array.from({ length: Math.min(ITEMS_MAX, rows.length) }, (_, at) => {
    const { segment, row } = rows[Math.floor(at * step)]!
    return {
      ...{ number: segment.number[row]!, price: segment.price[row]!, currency: segment.text.currency(row) },
      vector: dequantise(segment.vectors, row * segment.dim, segment.dim, segment.vectorScale[row]!),
    }
  })
}
