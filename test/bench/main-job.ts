/**
 * @file The main job measured end to end on a real stack: import until searchable, reply times, freshness, memory.
 *
 *   node test/bench/main-job.ts [--json] [--items N]
 *
 * Uses the Icecat catalogue where `AISLE_DATA` (default ../shared/data) has it, else the sample shop, and says which.
 * Times are wall-clock on a shared machine: medians and tails of many requests, one client, Miniflare's direct socket.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createClient } from '../../infra/cli/client.ts'
import type { ImportOutcome } from '../../infra/cli/import.ts'
import { type Stack, startStack } from '../../infra/local/stack.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { peakMb, prepareCatalogue, queryFrom, runImporter, untilQuiet } from './shop.ts'

const SEED = 7
const WARM_UP_REQUESTS = 200

export type MainJobSizes = { items: number; requests: number; changes: number }
export const SMOKE: MainJobSizes = { items: 60, requests: 20, changes: 2 }
export const FULL: MainJobSizes = { items: Number.POSITIVE_INFINITY, requests: 2_000, changes: 30 }

type Quantiles = { p50: number; p90: number; p95: number; p99: number; max: number }
export type MainJobReport = {
  catalogue: string
  machine: string
  import: ImportOutcome & { importerPeakMb: number; edgePeakMb: number }
  /** Highest resident set of workerd over the whole run, MB. */
  edgePeakMb: number
  searchMs: Quantiles
  recommendMs: Quantiles
  titleChangeSeconds: Quantiles
  priceChangeSeconds: Quantiles
  indexResidentMb: number
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!
  const round = (x: number) => Math.round(x * 1_000) / 1_000
  return {
    p50: round(at(0.5)),
    p90: round(at(0.9)),
    p95: round(at(0.95)),
    p99: round(at(0.99)),
    max: round(at(1)),
  }
}

export async function measureMainJob(sizes: MainJobSizes): Promise<MainJobReport> {
  const folder = mkdtempSync(join(tmpdir(), 'aisle-bench-'))
  const source = await prepareCatalogue(folder, sizes.items)
  const stack = await startStack({ stateDir: join(folder, 'state'), port: 0, quiet: true })
  try {
    const imported = await runImporter(source, stack)
    const edgeImportMb = peakMb(stack.pids['edge']!)
    const random = createRandom(SEED)
    const pick = () => source.items[Math.floor(random() * source.items.length)]!
    const client = createClient(stack.url, stack.keys.secret)
    await untilQuiet(client)

    const queries = Array.from({ length: sizes.requests }, () => queryFrom(pick().title, random))
    await seedShopper(client, pick)
    const search = (q: string) => client.get(`/v1/search?limit=20&q=${encodeURIComponent(q)}`)
    const recommend = () => client.get('/v1/recommendations?userId=bench-1&limit=20')
    for (const q of queries.slice(0, WARM_UP_REQUESTS)) {
      await search(q)
      await recommend()
    }
    const searchMs = await timeEach(queries.map((q) => () => search(q)))
    const recommendMs = await timeEach(queries.map(() => recommend))

    const titleChangeSeconds: number[] = []
    const priceChangeSeconds: number[] = []
    for (let change = 0; change < sizes.changes; change++) {
      titleChangeSeconds.push(
        await timeTitleChange(stack, pick().id, `zq${change}x${Math.floor(random() * 1e9)}`),
      )
      priceChangeSeconds.push(await timePriceChange(stack, pick().id, 100_000 + change))
    }
    const status = await client.get<{ index: { residentBytes: number } }>('/v1/status')
    return {
      catalogue: source.name,
      machine: `${cpus().length} × ${cpus()[0]!.model}, Node ${process.version}`,
      import: { ...imported, edgePeakMb: edgeImportMb },
      edgePeakMb: peakMb(stack.pids['edge']!),
      searchMs: quantiles(searchMs),
      recommendMs: quantiles(recommendMs),
      titleChangeSeconds: quantiles(titleChangeSeconds),
      priceChangeSeconds: quantiles(priceChangeSeconds),
      indexResidentMb: Math.round(status.index.residentBytes / 1e5) / 10,
    }
  } finally {
    await stack.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function seedShopper(client: ReturnType<typeof createClient>, pick: () => { id: string }) {
  const events = Array.from({ length: 30 }, (_, index) => ({
    eventId: `bench-${index}`,
    kind: 'view',
    userId: 'bench-1',
    time: new Date().toISOString(),
    itemIds: [pick().id],
  }))
  await client.post('/v1/events', JSON.stringify(events), { 'content-type': 'application/json' })
  for (let look = 0; look < 100; look++) {
    const reply = await client.get<{ hits: { reasons: string[] }[] }>(
      '/v1/recommendations?userId=bench-1&limit=20',
    )
    if (reply.hits.some((hit) => hit.reasons.some((reason) => reason.startsWith('because you')))) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('The shopper of the benchmark got no profile within 10 s.')
}

async function timeEach(calls: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const times: number[] = []
  for (const call of calls) {
    const from = performance.now()
    await call()
    times.push(performance.now() - from)
  }
  return times
}

async function patch(stack: Stack, itemId: string, change: unknown) {
  const reply = await fetch(`${stack.url}/v1/items/${encodeURIComponent(itemId)}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${stack.keys.secret}`, 'content-type': 'application/json' },
    body: JSON.stringify(change),
  })
  if (!reply.ok) throw new Error(`PATCH ${itemId}: ${reply.status} ${await reply.text()}`)
}

/** Seconds from sending a new title to the first search that finds it. */
async function timeTitleChange(stack: Stack, itemId: string, word: string): Promise<number> {
  const client = createClient(stack.url, stack.keys.public)
  const from = performance.now()
  await patch(stack, itemId, { title: `renamed product ${word}` })
  for (;;) {
    const { hits } = await client.get<{ hits: { id: string }[] }>(`/v1/search?q=${word}&mode=lexical`)
    if (hits.some((hit) => hit.id === itemId)) return (performance.now() - from) / 1_000
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function timePriceChange(stack: Stack, itemId: string, price: number): Promise<number> {
  const client = createClient(stack.url, stack.keys.secret)
  const { item } = await client.get<{ item: { title: string } }>(`/v1/items/${encodeURIComponent(itemId)}`)
  const q = encodeURIComponent(item.title.slice(0, 200))
  const filter = encodeURIComponent(`price=${price}`)
  const from = performance.now()
  await patch(stack, itemId, { price })
  for (;;) {
    const { hits } = await client.get<{ hits: { id: string }[] }>(
      `/v1/search?q=${q}&filter=${filter}&mode=lexical`,
    )
    if (hits.some((hit) => hit.id === itemId)) return (performance.now() - from) / 1_000
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, items: { type: 'string' }, smoke: { type: 'boolean' } },
  })
  const sizes = values.smoke ? SMOKE : { ...FULL, ...(values.items ? { items: Number(values.items) } : {}) }
  const report = await measureMainJob(sizes)
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string) => console.log(`${name.padEnd(36)} ${value}`)
    const spread = (q: Quantiles, unit: string) =>
      `p50 ${q.p50}  p95 ${q.p95}  p99 ${q.p99}  max ${q.max} ${unit}`
    row('catalogue', report.catalogue)
    row('machine', report.machine)
    row('import until searchable', `${report.import.seconds} s (${report.import.searchable} items)`)
    row('peak memory, importer / edge', `${report.import.importerPeakMb} / ${report.import.edgePeakMb} MB`)
    row('peak memory of the edge, whole run', `${report.edgePeakMb} MB`)
    row('search', spread(report.searchMs, 'ms'))
    row('recommend', spread(report.recommendMs, 'ms'))
    row('title change → search result', spread(report.titleChangeSeconds, 's'))
    row('price change → search result', spread(report.priceChangeSeconds, 's'))
    row('index resident in the isolate', `${report.indexResidentMb} MB`)
  }
  process.exit(0)
}
