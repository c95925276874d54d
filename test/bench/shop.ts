/** @file A running shop to measure: a catalogue of a given size on disk, imported as a user imports it, and what workerd costs. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readCatalogue } from '../../infra/cli/catalogue-file.ts'
import type { createClient } from '../../infra/cli/client.ts'
import type { ImportOutcome } from '../../infra/cli/import.ts'
import type { Stack } from '../../infra/local/stack.ts'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { applyFieldMap, FieldMap } from '../../shared/quality/field-map.ts'

const DATA = process.env['AISLE_DATA'] ?? '../shared/data'
const MAP = 'test/fixtures/icecat.map.json'
const SEED = 11
const QUIET_LOOKS = 6
/** Prices of tiled copies lie within this share of the original's. */
const PRICE_CHANGE = 0.2

export type Source = { name: string; file: string; map: string; items: { id: string; title: string }[] }
type Row = Record<string, unknown>

/**
 * Icecat where `AISLE_DATA` (default ../shared/data) has it, else the sample shop, and the name says which. More items than
 * Icecat has are copies with seeded changes: another id, one word of the title from another product, another price.
 *
 * @param items `Infinity` takes the catalogue as it is
 */
export async function prepareCatalogue(folder: string, items: number): Promise<Source> {
  const icecat = join(DATA, 'icecat/products.ndjson.gz')
  if (existsSync(icecat)) return prepareIcecat(icecat, folder, items)
  const sample = sampleCatalogue().slice(0, items) as Source['items']
  const map = join(folder, 'identity.map.json')
  writeFileSync(map, JSON.stringify({ fields: {} }))
  const name = `sample shop, ${sample.length} products (no Icecat in ${DATA})`
  return { name, file: writeRows(folder, sample), map, items: sample }
}

async function prepareIcecat(icecat: string, folder: string, items: number): Promise<Source> {
  const rows: Row[] = []
  for await (const { row } of readCatalogue(icecat)) {
    rows.push(row)
    if (rows.length >= items) break
  }
  const real = rows.length
  if (items !== Number.POSITIVE_INFINITY) addCopies(rows, items)
  const fields = FieldMap.parse(JSON.parse(readFileSync(MAP, 'utf8')))
  const mapped = rows.map((row) => applyFieldMap(fields, row) as Source['items'][number])
  const file = items === Number.POSITIVE_INFINITY ? icecat : writeRows(folder, rows)
  const copies = rows.length > real ? ` and ${rows.length - real} changed copies` : ''
  return { name: `Icecat, ${real} products${copies}`, file, map: MAP, items: mapped }
}

function writeRows(folder: string, rows: readonly unknown[]): string {
  const file = join(folder, 'catalogue.ndjson')
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))
  return file
}

function addCopies(rows: Row[], count: number): void {
  const random = createRandom(SEED)
  const real = rows.length
  const wordsOf = (row: Row) => String(row['title'] ?? row['name'] ?? '').split(/\s+/)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  for (let at = real; at < count; at++) {
    const original = rows[at % real]!
    const words = wordsOf(original)
    words[Math.floor(random() * words.length)] = pick(wordsOf(rows[Math.floor(random() * real)]!))
    const price = Number(original['price'] ?? 0) * (1 + PRICE_CHANGE * (2 * random() - 1))
    rows.push({
      ...original,
      id: `${String(original['id'])}-${Math.floor(at / real)}`,
      title: words.join(' '),
      price: Math.round(price),
    })
  }
}

/** The importer runs as a user runs it, in its own process, so that its memory is its own. */
export async function runImporter({ file, map }: Source, stack: Stack) {
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
export async function untilQuiet(client: ReturnType<typeof createClient>): Promise<void> {
  let version = -1
  for (let looks = 0; looks < QUIET_LOOKS; looks++) {
    const { index } = await client.get<{ index: { version: number } }>('/v1/status')
    if (index.version !== version) looks = 0
    version = index.version
    await wait(1_000)
  }
}

/** One to three neighbouring words of a title, as people type them. */
export function queryFrom(title: string, random: () => number): string {
  const words = title.split(/\s+/)
  const length = 1 + Math.floor(random() * 3)
  const from = Math.floor(random() * Math.max(1, words.length - length))
  return words
    .slice(from, from + length)
    .join(' ')
    .slice(0, 200)
}

/** Highest resident set so far, MB; 0 when the process is gone. */
export const peakMb = (pid: number): number => memoryMb(pid, 'VmHWM')

/** Resident set now, MB; 0 when the process is gone. */
export const residentMb = (pid: number): number => memoryMb(pid, 'VmRSS')

function memoryMb(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_000)
  } catch {
    return 0
  }
}

/** Linux counts a process's time in hundredths of a second (USER_HZ). */
const TICK_MS = 10

/** CPU that a process and its threads have used so far, user and system, milliseconds; 0 when it is gone. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in brackets, and may itself hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return 0
  }
}
