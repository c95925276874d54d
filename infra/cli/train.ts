/** @file `aisle train`: a recipe and files of a shop become a model folder, with a live line on how it goes. */
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { Secret, SHIPPED_MODEL_DIR } from '../../gpu-worker/config.ts'
import { readCheckpoint, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { encodeDelta } from '../../gpu-worker/model/delta.ts'
import { writeRelevance } from '../../gpu-worker/model/relevance.ts'
import { isDiskFull, replaceFile } from '../../gpu-worker/replace-files.ts'
import { chooseProvider, probeProvider, probeProviders } from '../../gpu-worker/runtime/probe.ts'
import type { Provider } from '../../gpu-worker/runtime/session.ts'
import { DataError } from '../../gpu-worker/train/examples.ts'
import { createJournal, type ProgressLine } from '../../gpu-worker/train/journal.ts'
import { parseRecipe, RECIPES, type Recipe } from '../../gpu-worker/train/recipe.ts'
import { runRecipe } from '../../gpu-worker/train/recipes/run-recipe.ts'
import { StageStopped } from '../../gpu-worker/train/run-stage.ts'
import { createTensorBoard } from '../../gpu-worker/train/tensorboard.ts'
import { SaveError, StateError } from '../../gpu-worker/train/trainer.ts'
import { createChatTranslator } from '../../gpu-worker/train/translate/chat-translator.ts'
import { TranslateError, type Translator } from '../../gpu-worker/train/translate/translator.ts'
import type { Tuned } from '../../gpu-worker/train/tune/tune.ts'
import { Failure } from './failure.ts'
import { holdFolder } from './hold-folder.ts'
import { renderTable } from './table.ts'
import { readBaskets, readItems, readJudgments, readQueryTexts } from './training-files.ts'

/** What a parameter-efficient tuning learnt, beside the model that it made. */
export const DELTA_FILE = 'delta.safetensors'
/** Names of the classes of a classification head, by number. */
export const LABELS_FILE = 'labels.json'
export const encodeJson = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)

export type TrainOptions = {
  recipe: string
  /** Files, or `sample`; the maps belong to them in order. */
  catalog: string[]
  map?: string[]
  judgments?: string
  baskets?: string
  queries?: string
  base?: string
  out: string
  threads?: number
  provider?: Provider | 'auto'
  quiet: boolean
}

export async function trainModel(options: TrainOptions) {
  const recipe = readRecipe(options.recipe)
  if (options.base !== undefined && resolve(options.base) === resolve(options.out))
    throw new Failure('--out is the folder of the base itself; give another one.')
  const base = recipe.recipe === 'pretrain' ? null : await readBase(options.base ?? SHIPPED_MODEL_DIR)
  const items = await readItems(options.catalog, options.map)
  const judgments = options.judgments === undefined ? [] : await readJudgments(options.judgments)
  const baskets = options.baskets === undefined ? [] : readBaskets(options.baskets)
  const queries = options.queries === undefined ? [] : readQueryTexts(options.queries)
  const translator = translatorOf(recipe)
  const threads = options.threads ?? cpus().length
  const provider = await readProvider(options.provider ?? 'cpu', threads, options.quiet)
  const letGo = await holdFolder(options.out)
  const line = createLine(options.quiet)
  const chart = createTensorBoard(join(options.out, 'tensorboard'), process.pid)
  const journal = createJournal({
    directory: options.out,
    nowMs: () => Date.now(),
    onProgress: line.draw,
    onEntry(entry, atMs) {
      chart(entry, atMs)
      if (entry.event === 'back-translation' && !options.quiet)
        process.stderr.write(`back-translation: ${entry.done} of ${entry.texts} texts\n`)
    },
  })
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  const startedMs = performance.now()
  try {
    journal.note({ event: 'recipe', recipe, items: items.length, judgments: judgments.length })
    const { model, delta, labels, relevance, metrics, tuned } = await runRecipe(
      recipe,
      { items, judgments, baskets, queries },
      {
        base,
        directory: options.out,
        threads,
        provider,
        journal,
        signal: stop.signal,
        ...(translator ? { translator } : {}),
      },
    )
    await writeCheckpoint(options.out, model)
    const write = (name: string, bytes: Uint8Array | null) => {
      const path = join(options.out, name)
      return bytes ? replaceFile(path, bytes) : rm(path, { force: true }) // one of an earlier model would be wrong
    }
    await write(DELTA_FILE, delta && encodeDelta(delta))
    await write(LABELS_FILE, labels ? encodeJson(labels) : null)
    await write('recipe.json', tuned ? encodeJson(tuned.recipe) : null)
    await writeRelevance(options.out, relevance ?? null)
    const seconds = Math.round((performance.now() - startedMs) / 1_000)
    journal.note({ event: 'trained', metrics, seconds })
    return { out: options.out, recipe: recipe.recipe, metrics, seconds, ...(tuned ? { tuned } : {}) }
  } catch (error) {
    const expected = [DataError, SaveError, StateError, StageStopped, TranslateError]
    if (error instanceof Error && expected.some((kind) => error instanceof kind))
      throw new Failure(error.message)
    if (isDiskFull(error))
      throw new Failure(
        `There is no room left for "${options.out}" (${(error as Error).message}). What was kept before is whole: make room, and the same command goes on from there.`,
      )
    throw error
  } finally {
    line.end()
    await letGo()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal)
  }
}

/** A name stands for the recipe with its defaults; anything else is a file. */
function readRecipe(nameOrFile: string): Recipe {
  let value: unknown = { version: 1, recipe: nameOrFile }
  if (!(RECIPES as string[]).includes(nameOrFile)) {
    if (!existsSync(nameOrFile))
      throw new Failure(`"${nameOrFile}" is neither a recipe (${RECIPES.join(', ')}) nor a file.`)
    try {
      value = JSON.parse(readFileSync(nameOrFile, 'utf8'))
    } catch (error) {
      throw new Failure(`Cannot read the recipe "${nameOrFile}": ${(error as Error).message}.`)
    }
  }
  const parsed = parseRecipe(value)
  if (!parsed.ok) throw new Failure(`The recipe "${nameOrFile}" is not valid: ${parsed.error}.`)
  return parsed.value
}

function translatorOf(recipe: Recipe): Translator | null {
  const settings = 'backTranslation' in recipe ? recipe.backTranslation : undefined
  if (!settings) return null
  const { apiKeyEnv, ...service } = settings
  const key = apiKeyEnv === undefined ? null : process.env[apiKeyEnv]
  if (key === undefined || key === '')
    throw new Failure(`The recipe takes the key of ${service.url} from ${apiKeyEnv}, which is not set.`)
  return createChatTranslator({ ...service, apiKey: key === null ? null : new Secret(key) })
}

/** One that was asked for by name has to be there: a run of hours on the wrong device helps nobody. */
async function readProvider(wanted: Provider | 'auto', threads: number, quiet: boolean): Promise<Provider> {
  if (wanted === 'cpu') return 'cpu'
  const findings = wanted === 'auto' ? await probeProviders(threads) : [await probeProvider(wanted, threads)]
  const { provider, sentence } = chooseProvider(wanted, findings)
  const failed = findings.find((finding) => finding.provider === wanted && !finding.works)
  if (failed && !failed.works)
    throw new Failure(`${wanted} does not work here: ${failed.reason}. Use --provider auto or cpu.`)
  if (!quiet) process.stderr.write(`${sentence}\n`)
  return provider
}

export async function readBase(directory: string) {
  const read = await readCheckpoint(directory)
  if (!read.ok) throw new Failure(`The model in "${directory}" cannot be used: ${read.error.message}`)
  return read.value
}

/** Candidates of a search, those that came furthest first; the number of a column is that of validations. */
export function renderTuned({ candidates, rungs, winner, isCutShort }: Tuned): string {
  const paths = [...new Set(candidates.flatMap(({ settings }) => Object.keys(settings)))]
  const last = ({ metrics }: Tuned['candidates'][number]) => metrics.at(-1) ?? Number.NEGATIVE_INFINITY
  const rows = [...candidates.entries()]
    .sort(([, a], [, b]) => b.metrics.length - a.metrics.length || last(b) - last(a))
    .map(([number, { settings, metrics }]) => [
      number === winner ? `${number} *` : `${number}`,
      ...paths.map((path) => (path in settings ? JSON.stringify(settings[path]) : 'as it stands')),
      ...metrics.map((metric) => metric?.toFixed(4) ?? 'not a number'),
    ])
  const table = renderTable(
    ['candidate', ...paths, ...rungs.map(({ validations }) => `@${validations}`)],
    rows,
  )
  return isCutShort ? `${table}\nTime was up before all rungs were done; * is the best so far.` : table
}

const REDRAW_MS = 250
const LOG_MS = 30_000

/** One line that is drawn over itself on a terminal, and a new one each half minute elsewhere. */
function createLine(quiet: boolean, stream = process.stderr) {
  let drawnMs = 0
  let isOpen = false
  const draw = (line: ProgressLine) => {
    const nowMs = performance.now()
    const isLast = line.step === line.steps
    if (quiet || (!isLast && nowMs - drawnMs < (stream.isTTY ? REDRAW_MS : LOG_MS))) return
    drawnMs = nowMs
    const text = renderLine(line)
    if (stream.isTTY) stream.write(`\r\x1b[2K${text.slice(0, (stream.columns ?? 120) - 1)}`)
    else stream.write(`${text}\n`)
    isOpen = stream.isTTY && !isLast
    if (stream.isTTY && isLast) stream.write('\n')
  }
  return { draw, end: () => isOpen && stream.write('\n') }
}

export function renderLine(line: ProgressLine): string {
  const metric = line.metric
    ? `  ${line.metric.name} ${line.metric.value.toFixed(4)} (best ${line.metric.best.toFixed(4)})`
    : ''
  return [
    `${line.stage}  step ${line.step}/${line.steps}  loss ${line.loss.toFixed(4)}${metric}`,
    `${Math.round(line.textsPerSecond)} texts/s`,
    `${renderTime(line.secondsLeft)} left`,
  ].join('  ')
}

function renderTime(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
