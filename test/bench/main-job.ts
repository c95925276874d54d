/**
 * @file The main job measured end to end on a real stack: import until searchable, reply times, freshness, memory.
 *
 *   node test/bench/main-job.ts [--json] [--items N]
 *
 * Uses the Icecat catalogue where `AISLE_DATA` (default ../shared/data) has it, else the sample shop, and says which.
 * Times are wall-clock on a shared machine: medians and tails of many requests, one client, Miniflare's direct socket.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readCatalogue } from '../../infra/cli/catalogue-file.ts'
import { createClient } from '../../infra/cli/client.ts'
import type { ImportOutcome } from '../../infra/cli/import.ts'
import { type Stack, startStack } from '../../infra/local/stack.ts'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { applyFieldMap, FieldMap } from '../../shared/quality/field-map.ts'

const SEED = 7
const WARM_UP_REQUESTS = 200
const QUIET_LOOKS = 6
const DATA = process.env['AISLE_DATA'] ?? '../shared/data'

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
    const imported = await runImporter(source.file, source.map, stack)
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

type Source = { name: string; file: string; map: string; items: { id: string; title: string }[] }

async function prepareCatalogue(folder: string, items: number): Promise<Source> {
  const icecat = join(DATA, 'icecat/products.ndjson.gz')
  const map = 'test/fixtures/icecat.map.json'
  if (existsSync(icecat)) {
    const fields = FieldMap.parse(JSON.parse(readFileSync(map, 'utf8')))
    const rows: Record<string, unknown>[] = []
    for await (const { row } of readCatalogue(icecat)) {
      rows.push(row)
      if (rows.length >= items) break
    }
    const mapped = rows.map((row) => applyFieldMap(fields, row) as Source['items'][number])
    const all = items === Number.POSITIVE_INFINITY
    const file = all ? icecat : join(folder, 'part.ndjson')
    if (!all) writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
    return { name: `Icecat, ${rows.length} products`, file, map, items: mapped }
  }
  const sample = sampleCatalogue().slice(0, items) as Source['items']
  const file = join(folder, 'sample.ndjson')
  const identity = join(folder, 'identity.map.json')
  writeFileSync(file, sample.map((row) => JSON.stringify(row)).join('\n'))
  writeFileSync(identity, JSON.stringify({ fields: {} }))
  return {
    name: `sample shop, ${sample.length} products (no Icecat in ${DATA})`,
    file,
    map: identity,
    items: sample,
  }
}

/** The importer runs as a user runs it, in its own process, so that its memory is its own. */
async function runImporter(file: string, map: string, stack: Stack) {
  const args = ['infra/cli/aisle.ts', 'import', file, '--map', map, '--wait', '--json']
  const child = spawn(process.execPath, [...args, '--url', stack.url, '--key', stack.keys.secret], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let importerPeakMb = 0
  const sampler = setInterval(() => {
    importerPeakMb = Math.max(importerPeakMb, peakMb(child.pid!))
  }, 100)
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  clearInterval(sampler)
  return { ...(JSON.parse(output.trim().split('\n').at(-1)!) as ImportOutcome), importerPeakMb }
}

/** After an import the worker merges and tunes; wait until the index has stayed the same for a while. */
async function untilQuiet(client: ReturnType<typeof createClient>): Promise<void> {
  let version = -1
  for (let looks = 0; looks < QUIET_LOOKS; looks++) {
    const { index } = await client.get<{ index: { version: number } }>('/v1/status')
    if (index.version !== version) looks = 0
    version = index.version
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

/** Highest resident set so far, MB; 0 when the process is gone. */
function peakMb(pid: number): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Math.round(Number(kilobytes ?? 0) / 1_000)
  } catch {
    return 0
  }
}

/** One to three neighbouring words of a title, as people type them. */
function queryFrom(title: string, random: () => number): string {
  const words = title.split(/\s+/)
  const length = 1 + Math.floor(random() * 3)
  const from = Math.floor(random() * Math.max(1, words.length - length))
  return words
    .slice(from, from + length)
    .join(' ')
    .slice(0, 200)
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
