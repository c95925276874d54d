/** @file `aisle import`: streams a catalogue file to `POST /v1/items` and waits, if asked, until it is searchable. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { applyFieldMap, FieldMap } from '../../shared/quality/field-map.ts'
import type { BatchReply, ImportReply } from '../../shared/schema/replies.ts'
import { readCatalogue } from './catalogue-file.ts'
import { checkFeed } from './check-feed.ts'
import type { Client } from './client.ts'
import { Failure } from './failure.ts'
import { createProgress } from './progress.ts'

const ITEMS_PER_CALL_MAX = 1_000
/** Below the API's 4 MiB, so that one large row more does not go over it. */
const BYTES_PER_CALL_MAX = 3 * 2 ** 20
const CALLS_IN_FLIGHT_MAX = 2
const POLL_MS = 250

export type ImportOutcome = {
  received: number
  accepted: number
  quarantined: number
  duplicates: number
  searchable: number
  seconds: number
}
export type ImportOptions = { wait: boolean; quiet: boolean }

export function readFieldMap(file: string): FieldMap {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Failure(`Cannot read the field map "${file}": ${(error as Error).message}.`)
  }
  const map = FieldMap.safeParse(json)
  if (!map.success) throw new Failure(`The field map "${file}" is not valid: ${z.prettifyError(map.error)}`)
  return map.data
}

/** Of a file: whether its gate is passed over, and the percentage of rows that may be kept out of the shop. */
export type FileOptions = ImportOptions & { force: boolean; hideMax?: number }

/** Import a file. Memory stays constant: at most `CALLS_IN_FLIGHT_MAX` batches are held. */
export async function importFile(
  client: Client,
  file: string,
  map: FieldMap,
  options: FileOptions,
): Promise<ImportOutcome> {
  if (!options.force) await checkFeed(file, map, options)
  async function* rows() {
    for await (const { row, bytesRead, bytesTotal } of readCatalogue(file))
      yield { item: '_unreadable' in row ? row : applyFieldMap(map, row), done: bytesRead, total: bytesTotal }
  }
  return importRows(client, rows(), options)
}

type Row = { item: unknown; done: number; total: number }

/** Import rows that are already in API form; `done` and `total` only draw the progress bar. */
export async function importRows(
  client: Client,
  rows: AsyncIterable<Row> | Iterable<Row>,
  options: ImportOptions,
): Promise<ImportOutcome> {
  const startedAt = performance.now()
  const outcome = { received: 0, accepted: 0, quarantined: 0, duplicates: 0, searchable: 0, seconds: 0 }
  const progress = createProgress('importing', options.quiet)
  const batchIds: string[] = []
  const inFlight = new Set<Promise<void>>()
  let failure: unknown

  const send = async (lines: string[]) => {
    const reply = await client.post<ImportReply>('/v1/items', lines.join('\n'), {
      'content-type': 'application/x-ndjson',
      'idempotency-key': randomUUID(),
    })
    outcome.received += reply.received
    outcome.accepted += reply.accepted
    outcome.quarantined += reply.quarantined
    outcome.duplicates += reply.duplicates
    if (reply.batchId) batchIds.push(reply.batchId)
  }
  const enqueue = async (lines: string[]) => {
    while (inFlight.size >= CALLS_IN_FLIGHT_MAX) await Promise.race(inFlight)
    if (failure) throw failure
    const call: Promise<void> = send(lines)
      .catch((error: unknown) => {
        failure ??= error
      })
      .finally(() => inFlight.delete(call))
    inFlight.add(call)
  }

  let lines: string[] = []
  let bytes = 0
  for await (const { item, done, total } of rows) {
    const line = JSON.stringify(item)
    const size = Buffer.byteLength(line) + 1
    if (lines.length === ITEMS_PER_CALL_MAX || (lines.length > 0 && bytes + size > BYTES_PER_CALL_MAX)) {
      await enqueue(lines)
      lines = []
      bytes = 0
    }
    lines.push(line)
    bytes += size
    progress.update(done, total, `${outcome.received} rows`)
  }
  if (lines.length > 0) await enqueue(lines)
  await Promise.all(inFlight)
  if (failure) throw failure
  progress.done(`${outcome.received} rows, ${outcome.quarantined} in quarantine`)

  outcome.searchable = await awaitSearchable(client, batchIds, outcome.accepted, options)
  outcome.seconds = Math.round((performance.now() - startedAt) / 10) / 100
  return outcome
}

/**
 * Count what is searchable; with `wait`, return when that is everything. Looks at the oldest unfinished batch only: they
 * finish nearly in order, and one look costs the edge one small query.
 */
async function awaitSearchable(client: Client, batchIds: string[], accepted: number, options: ImportOptions) {
  const progress = createProgress('indexing', options.quiet || !options.wait)
  let finished = 0
  for (const batchId of batchIds) {
    for (;;) {
      const batch = await client.get<BatchReply>(`/v1/batches/${batchId}`)
      if (batch.state === 'dead-letter')
        throw new Failure(
          `Batch ${batchId} could not be indexed: see /v1/dead-letters, mend the cause and replay it.`,
        )
      progress.update(finished + batch.searchable, accepted, `${finished + batch.searchable} searchable`)
      if (batch.state === 'done' || !options.wait) {
        finished += batch.searchable
        break
      }
      await wait(POLL_MS)
    }
  }
  // A batch counts the rows that no later batch wrote again, so that an id given twice is counted once there.
  const searchable = options.wait ? accepted : finished
  progress.done(`${searchable} searchable`)
  return searchable
}
