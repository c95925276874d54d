/** @file `aisle start`: the whole of Aisle in one terminal, with a catalogue in it, until Ctrl-C. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Stack, startStack } from '../local/stack.ts'
import { sampleCatalogue } from '../sample/catalogue.ts'
import { sampleShoppers } from '../sample/shoppers.ts'
import { type Client, createClient } from './client.ts'
import { importFile, importRows, readFieldMap } from './import.ts'
import { createProgress } from './progress.ts'

const EVENTS_PER_CALL = 500
const PORT_DEFAULT = 8787

export type StartOptions = {
  state: string
  port?: number
  catalog?: string
  map?: string
  sample: boolean
  workers: number
}

/** Runs until the stack stops; resolves when everything is down. */
export async function start(options: StartOptions): Promise<void> {
  const { state } = options
  const map = options.map === undefined ? undefined : readFieldMap(options.map)
  const { shoppers } = options.sample && !options.catalog ? sample() : { shoppers: [] }
  const stack = await startStack({
    stateDir: state,
    port: options.port ?? PORT_DEFAULT,
    // A port that was asked for is kept or refused; the default may move when another program has it.
    portFallback: options.port === undefined,
    workers: options.workers,
    sampleShoppers: shoppers,
    onLog: (line) => process.stderr.write(`${line}\n`),
  })
  const stopped = stopOnSignal(stack)
  writeAtomically(join(state, 'endpoint.json'), JSON.stringify({ url: stack.url }))
  console.log(`ready ${stack.url}`)

  const client = createClient(stack.url, stack.keys.secret)
  const loading = options.catalog
    ? importFile(client, options.catalog, map!, { wait: true, force: true, quiet: false })
    : options.sample
      ? loadSample(client, stack, state)
      : Promise.resolve()
  const outcome = await Promise.race([
    loading.then(() => 'loaded' as const),
    stopped.then(() => 'stopped' as const),
  ])
  if (outcome === 'loaded') console.log(welcome(stack))
  await stopped
}

const sample = () => {
  const catalogue = sampleCatalogue()
  return { catalogue, ...sampleShoppers(catalogue, { now: Date.now() }) }
}

/** Load the sample shop once per state folder; a stop half-way is taken up again, since every write is keyed. */
async function loadSample(client: Client, stack: Stack, state: string): Promise<void> {
  const marker = join(state, 'sample.json')
  const done = existsSync(marker) ? (JSON.parse(readFileSync(marker, 'utf8')) as { loaded?: boolean }) : {}
  if (done.loaded) return
  const { catalogue, events } = sample()
  const rows = catalogue.map((item, index) => ({ item, done: index + 1, total: catalogue.length }))
  await importRows(client, rows, { wait: true, quiet: false })
  const progress = createProgress('shoppers')
  for (let at = 0; at < events.length; at += EVENTS_PER_CALL) {
    const body = JSON.stringify(events.slice(at, at + EVENTS_PER_CALL))
    await client.post('/v1/events', body, { 'content-type': 'application/json' })
    progress.update(at, events.length, `${at} events`)
  }
  await stack.settleEvents()
  progress.done(`${events.length} events`)
  writeAtomically(marker, JSON.stringify({ loaded: true }))
}

const welcome = ({ url, keys }: Stack): string => `
  Page    ${url}/
  API     ${url}/docs

  curl -H 'Authorization: Bearer ${keys.public}' '${url}/v1/search?q=bluetooth+speaker&limit=3'
  curl -H 'Authorization: Bearer ${keys.public}' '${url}/v1/recommendations?userId=shopper-1&limit=3'
  curl -H 'Authorization: Bearer ${keys.secret}' '${url}/v1/status'

  Ctrl-C stops everything.`

/** Resolves when the stack is down, by signal or because it failed beyond repair. A second signal does not wait. */
function stopOnSignal(stack: Stack): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false
    const stop = () => {
      if (stopping) process.exit(130)
      stopping = true
      process.stderr.write('\nstopping …\n')
      stack.stop().then(resolve, resolve)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  })
}

function writeAtomically(file: string, text: string): void {
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(`${file}.new`, `${text}\n`)
  renameSync(`${file}.new`, file)
}
