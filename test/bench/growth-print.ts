/** @file The report of `growth.ts` as tables. */
import { renderTable } from '../../infra/cli/table.ts'
import type { GrowthReport, ShopRow } from './growth.ts'
import { KINDS } from './growth-shop.ts'
import type { Spread } from './measure.ts'
import type { ProfileLine } from './own-profile.ts'

export function print({ machine, commit, catalogue, requests, shops, fits }: GrowthReport): void {
  console.log(`${catalogue}, repeated with changes; ${machine}; ${commit}`)
  console.log(
    `${requests} requests of each kind after the warm-up. Divided: ms is the Worker and the slowest shard of each round, CPU all shards.`,
  )
  printRequests(shops)
  printMemory(shops)
  table(
    ['items', 'MB fetched', 'MB built', 'CPU s to build', 'checksum'],
    shops.map((shop) => [
      ...[nameOf(shop), shop.fetchedMb, shop.build.megabytes, shop.build.cpuSeconds, shop.checksum],
    ]),
  )
  for (const shop of shops.filter(({ profile }) => profile.length > 0))
    printProfile(`\n${nameOf(shop)}, ${KINDS.length * requests} requests: the Worker`, shop.profile)
  printCold(shops)
  if (fits.length > 0)
    table(
      [
        'growth',
        ...shops.filter(({ texts }) => texts === 'whole').map(({ items }) => `${items}`),
        'exponent',
      ],
      fits.map(({ what, values, exponent }) => [what, ...values, exponent]),
    )
}

function printRequests(shops: readonly ShopRow[]): void {
  table(
    ['items', 'isolates', 'request', 'ms p50', 'p99', 'CPU p50', 'p99', 'Worker p50', 'p99', 'rounds'],
    shops.flatMap((shop) =>
      shop.kinds.map(({ kind, ms, cpuMs, hereMs, rounds }) => {
        const tails = [ms, cpuMs, hereMs].flatMap(({ p50, p99 }) => [p50, p99])
        return [nameOf(shop), shop.isolates, kind, ...tails, rounds]
      }),
    ),
  )
}

function printMemory(shops: readonly ShopRow[]): void {
  const where = ['heap', 'outside']
  table(
    ['MB held', 'isolates', 'one, begun', ...where, 'its status', 'most, at the end', ...where, 'all'],
    shops.map((shop) => {
      const { begun, held } = shop
      return [
        ...[nameOf(shop), shop.isolates, begun.held, begun.heap, begun.outside, begun.claimed],
        ...[held.most, held.heap, held.outside, held.all],
      ]
    }),
  )
}

function printCold(shops: readonly ShopRow[]): void {
  const range = ({ median, low, high }: Spread) => `${median} (${low} to ${high})`
  const cold = shops.flatMap((shop) => (shop.cold ? [{ ...shop, row: shop.cold }] : []))
  if (cold.length === 0) return
  table(
    ['first search of a cold isolate', 'isolates', 'ms', 'Worker ms', 'CPU ms'],
    cold.map(({ row, ...shop }) => [
      ...[nameOf(shop), shop.isolates, range(row.ms), range(row.hereMs), range(row.cpuMs)],
    ]),
  )
  for (const { row, ...shop } of cold) {
    console.log(`\n${nameOf(shop)}, cold: ${row.stages}`)
    printProfile(shop.isolates > 1 ? 'The first shard' : 'The isolate', row.profile)
  }
}

function printProfile(whose: string, profile: readonly ProfileLine[]): void {
  console.log(`${whose}, CPU of the main thread under the profiler:`)
  for (const { ms, where } of profile) console.log(`${ms.toFixed(1).padStart(7)} ms  ${where}`)
}

const nameOf = ({ items, texts }: Pick<ShopRow, 'items' | 'texts'>) =>
  `${items}${texts === 'titles' ? ', titles alone' : ''}`

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map(String))
  console.log(`\n${renderTable(header, cells)}`)
}
