/** @file `aisle recommend --batch`: a list for each of many shoppers, as an e-mail run needs them. */
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import type { RankedReply } from '../../shared/schema/replies.ts'
import type { Client } from './client.ts'
import { Failure } from './failure.ts'
import { createProgress } from './progress.ts'

/** Requests at once; above the rate of the key the client waits. */
const IN_FLIGHT = 8

export type BatchOptions = {
  /** A shopper on each line, as the shop names them; blank lines count for nothing. */
  batch: string
  out: string
  limit: number
  scenario?: string
  lang?: string
  quiet: boolean
}
export type BatchOutcome = { shoppers: number; items: number; degraded: number; out: string }
/** One line of the file. */
export type BatchLine = { userId: string } & Pick<RankedReply, 'hits' | 'degraded'>

/** Writes NDJSON, a line for each shopper in their order. The file appears when all are in it. */
export async function recommendBatch(
  client: Client,
  { batch, out, quiet, limit, scenario, lang }: BatchOptions,
): Promise<BatchOutcome> {
  const size = await stat(batch).catch(() => {
    throw new Failure(`Cannot read the shoppers in ${batch}.`)
  })
  const listFor = async (userId: string): Promise<BatchLine> => {
    const asked = new URLSearchParams({ userId, limit: String(limit) })
    if (scenario) asked.set('scenario', scenario)
    if (lang) asked.set('lang', lang)
    const { hits, degraded } = await client.get<RankedReply>(`/v1/recommendations?${asked}`)
    return { userId, hits, degraded }
  }
  const progress = createProgress('recommending', quiet)
  const outcome: BatchOutcome = { shoppers: 0, items: 0, degraded: 0, out }
  const part = `${out}.part`
  const file = createWriteStream(part)
  let readBytes = 0
  const write = async (users: readonly string[]) => {
    for (const line of await Promise.all(users.map(listFor))) {
      outcome.shoppers++
      outcome.items += line.hits.length
      if (line.degraded.length > 0) outcome.degraded++
      file.write(`${JSON.stringify(line)}\n`)
    }
    progress.update(readBytes, size.size, `${outcome.shoppers} shoppers`)
  }
  try {
    let waiting: string[] = []
    for await (const line of createInterface({
      input: createReadStream(batch),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      readBytes += Buffer.byteLength(line) + 1
      if (line.trim() !== '') waiting.push(line.trim())
      if (waiting.length < IN_FLIGHT) continue
      await write(waiting)
      waiting = []
    }
    await write(waiting)
  } finally {
    file.end()
    await finished(file)
  }
  await rename(part, out)
  progress.done(`${outcome.shoppers} shoppers`)
  return outcome
}

export const renderBatch = ({ shoppers, items, degraded, out }: BatchOutcome): string =>
  `${items} items for ${shoppers} shoppers in ${out}${degraded > 0 ? `; ${degraded} lists were degraded` : ''}`
