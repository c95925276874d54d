/** @file `aisle train`: a recipe and files of a shop become a model folder, with a live line on how it goes. */
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { readCheckpoint, writeCheckpoint } from '../../gpu-worker/model/checkpoint.ts'
import { encodeSafetensors } from '../../gpu-worker/model/safetensors.ts'
import { chooseProvider, probeProvider, probeProviders } from '../../gpu-worker/runtime/probe.ts'
import type { Provider } from '../../gpu-worker/runtime/session.ts'
import { DataError } from '../../gpu-worker/train/examples.ts'
import { createJournal, type ProgressLine } from '../../gpu-worker/train/journal.ts'
import { parseRecipe, RECIPES, type Recipe } from '../../gpu-worker/train/recipe.ts'
import { runRecipe } from '../../gpu-worker/train/recipes/run-recipe.ts'
import { StageStopped } from '../../gpu-worker/train/run-stage.ts'
import { replaceFile } from '../../gpu-worker/train/state-file.ts'
import { StateError } from '../../gpu-worker/train/trainer.ts'
import { Failure } from './failure.ts'
import { readBaskets, readItems, readJudgments, readQueryTexts } from './training-files.ts'

export type TrainOptions = {
  recipe: string
  catalog: string
  map?: string
  judgments?: string
  baskets?: string
  queries?: string
  base?: string
  out: string
  threads?: number
  provider: Provider | 'auto'
  quiet: boolean
}

export async function trainModel(options: TrainOptions) {
  const recipe = readRecipe(options.recipe)
  const base = options.base === undefined ? null : await readBase(options.base)
  const items = await readItems(options.catalog, options.map)
  const judgments = options.judgments === undefined ? [] : await readJudgments(options.judgments)
  const baskets = options.baskets === undefined ? [] : readBaskets(options.baskets)
  const queries = options.queries === undefined ? [] : readQueryTexts(options.queries)
  const threads = options.threads ?? cpus().length
  const provider = await readProvider(options.provider, threads, options.quiet)
  const line = createLine(options.quiet)
  const journal = createJournal({
    directory: options.out,
    nowMs: () => Date.now(),
    onProgress: line.draw,
  })
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  const startedMs = performance.now()
  journal.note({ event: 'recipe', recipe, items: items.length, judgments: judgments.length })
  try {
    const { model, delta, labels, metrics } = await runRecipe(
      recipe,
      { items, judgments, baskets, queries },
      {
        base,
        directory: options.out,
        threads,
        provider,
        journal,
        signal: stop.signal,
      },
    )
    await writeCheckpoint(options.out, model)
    if (delta) await replaceFile(join(options.out, 'delta.safetensors'), encodeSafetensors(delta))
    if (labels) await writeFile(join(options.out, 'labels.json'), `${JSON.stringify(labels, null, 2)}\n`)
    const seconds = Math.round((performance.now() - startedMs) / 1_000)
    journal.note({ event: 'trained', metrics, seconds })
    return { out: options.out, recipe: recipe.recipe, metrics, seconds }
  } catch (error) {
    if (error instanceof DataError || error instanceof StateError || error instanceof StageStopped)
      throw new Failure(error.message)
    throw error
  } finally {
    line.end()
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
