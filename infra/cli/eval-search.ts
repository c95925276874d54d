/** @file `aisle eval search`: a catalogue and a file of queries become a TREC run, through the code that serves /v1/search. */
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { SearchReply } from '../../shared/schema/replies.ts'
import { startStack } from '../local/stack.ts'
import { search, status } from './ask.ts'
import { type Client, createClient } from './client.ts'
import { Failure } from './failure.ts'
import { importFile, readFieldMap } from './import.ts'
import { createProgress } from './progress.ts'

/** Depth of the run, TREC's usual cut for early precision. */
const DEPTH = 100
const QUERY_CHARS_MAX = 500
const QUERIES_IN_FLIGHT = 2
const DEGRADED_RETRIES_MAX = 100
const VALIDATION_LOOKS_MAX = 600

export type EvalSearchOptions = {
  catalog: string
  map: string
  queries: string
  out: string
  mode: 'hybrid' | 'lexical' | 'vector'
  /** Model folder; absent takes the one that a new shop starts with. */
  model?: string
  quiet: boolean
}

/** Bring up a stack of its own, import, ask every query, write the run. Returns how much was done. */
export async function evalSearch(options: EvalSearchOptions) {
  const queries = readQueries(options.queries)
  const map = readFieldMap(options.map)
  // The same catalogue, map and model give the same index: a second evaluation finds it ready.
  const weights = options.model === undefined ? [] : [join(options.model, 'model.safetensors')]
  const stateDir = `.cache/eval/${(await fileHash(options.catalog, options.map, ...weights)).slice(0, 16)}`
  const modelDir = options.model === undefined ? {} : { modelDir: resolve(options.model) }
  const stack = await startStack({ stateDir, port: 0, quiet: true, ...modelDir })
  try {
    const client = createClient(stack.url, stack.keys.secret)
    const imported = await importFile(client, options.catalog, map, {
      wait: true,
      force: true,
      quiet: options.quiet,
    })
    if (options.mode === 'hybrid') await untilValidated(client)
    const lines = await runQueries(client, queries, options)
    writeFileSync(options.out, lines.join(''))
    return { items: imported.accepted, queries: queries.length, results: lines.length, out: options.out }
  } finally {
    await stack.stop()
  }
}

/** The worker chooses the weight of the vectors when it is idle; a run from before would not be repeatable. */
async function untilValidated(client: Client): Promise<void> {
  for (let look = 0; look < VALIDATION_LOOKS_MAX; look++) {
    if ((await status(client)).model?.validatedOn !== null) return
    await wait(500)
  }
  throw new Failure('The worker did not validate the weight of the vectors; see "aisle status".')
}

type Query = { qid: string; text: string }

function readQueries(file: string): Query[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure(`Cannot read the queries: ${(error as Error).message}.`)
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return []
    const tab = line.indexOf('\t')
    if (tab < 1) throw new Failure(`${file}, line ${index + 1}: expected "qid<TAB>text".`)
    return [{ qid: line.slice(0, tab).trim(), text: line.slice(tab + 1).trim() }]
  })
}

async function runQueries(
  client: Client,
  queries: Query[],
  { mode, quiet }: EvalSearchOptions,
): Promise<string[]> {
  const progress = createProgress('searching', quiet)
  const runs: string[][] = queries.map(() => [])
  let next = 0
  let done = 0
  const worker = async () => {
    for (let at = next++; at < queries.length; at = next++) {
      const { qid, text } = queries[at]!
      if (text) runs[at] = trecLines(qid, await searchUndegraded(client, text, mode))
      progress.update(++done, queries.length, `${done} queries`)
    }
  }
  await Promise.all(Array.from({ length: QUERIES_IN_FLIGHT }, worker))
  progress.done(`${queries.length} queries`)
  return runs.flat()
}

/** A cold isolate answers without its query encoder at first; an evaluation waits for the full answer. */
async function searchUndegraded(client: Client, text: string, mode: string): Promise<SearchReply> {
  for (let attempt = 0; attempt < DEGRADED_RETRIES_MAX; attempt++) {
    const reply = await search(client, text.slice(0, QUERY_CHARS_MAX), { limit: DEPTH, mode })
    if (reply.degraded.length === 0) return reply
    await wait(100)
  }
  throw new Failure(`Search stayed degraded for "${text}"; see "aisle status".`)
}

/** `qid Q0 docid rank score tag`. Tools sort by score, so that a tie is lowered by the least step that keeps our order. */
export function trecLines(qid: string, reply: Pick<SearchReply, 'hits' | 'mode'>): string[] {
  let ceiling = Number.POSITIVE_INFINITY
  return reply.hits.map((hit, index) => {
    const score = Math.min(hit.score, ceiling)
    ceiling = score - 1e-6
    return `${qid} Q0 ${hit.id} ${index + 1} ${score.toFixed(6)} aisle-${reply.mode}\n`
  })
}

async function fileHash(...files: string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) {
    try {
      for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
    } catch (error) {
      throw new Failure(`Cannot read "${file}": ${(error as Error).message}.`)
    }
  }
  return hash.digest('hex')
}
