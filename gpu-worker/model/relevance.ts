/**
 * @file What a model folder keeps in `relevance/` for judging pairs: `head.json`, the titles that its features look at
 * (`titles.json`), and the cross-encoders (`cross-encoder-1/` …), each a checkpoint of its own.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { RelevanceHead } from '../../shared/relevance/head.ts'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'

export type RelevanceModel = {
  head: RelevanceHead
  titles: readonly string[]
  /** Their mean is one feature. */
  crossEncoders: readonly Checkpoint[]
}

const FOLDER = 'relevance'
const HEAD_FILE = 'head.json'
const TITLES_FILE = 'titles.json'
const CROSS_ENCODERS_MAX = 10
const Titles = z.array(z.string())

/** In place of what was there; null leaves nothing, since an earlier model's would be wrong. */
export async function writeRelevance(modelDirectory: string, model: RelevanceModel | null): Promise<void> {
  const directory = join(modelDirectory, FOLDER)
  await rm(directory, { recursive: true, force: true })
  if (!model) return
  await mkdir(directory, { recursive: true })
  for (const [at, checkpoint] of model.crossEncoders.entries())
    await writeCheckpoint(join(directory, `cross-encoder-${at + 1}`), checkpoint)
  await writeFile(join(directory, TITLES_FILE), JSON.stringify(model.titles))
  // Last: a folder with a head is whole.
  await writeFile(join(directory, HEAD_FILE), JSON.stringify(model.head))
}

/** Null when the model was not taught to judge pairs; the error is a sentence for a person. */
export async function readRelevance(modelDirectory: string): Promise<Result<RelevanceModel | null, string>> {
  const directory = join(modelDirectory, FOLDER)
  const head = await readJson(join(directory, HEAD_FILE), RelevanceHead)
  if (!head.ok) return head
  if (head.value === null) return ok(null)
  const titles = await readJson(join(directory, TITLES_FILE), Titles)
  if (!titles.ok) return titles
  if (titles.value === null) return err(`${directory} has no ${TITLES_FILE}`)
  const crossEncoders: Checkpoint[] = []
  for (let at = 1; at <= CROSS_ENCODERS_MAX; at++) {
    const read = await readCheckpoint(join(directory, `cross-encoder-${at}`))
    if (read.ok) crossEncoders.push(read.value)
    else if (read.error.kind === 'missing-file' && read.error.file === 'config.json') break
    else return err(`cross-encoder-${at}: ${read.error.message}`)
  }
  if (crossEncoders.length !== head.value.crossEncoders)
    return err(
      `${directory} has ${crossEncoders.length} cross-encoders, ${HEAD_FILE} asks for ${head.value.crossEncoders}`,
    )
  return ok({ head: head.value, titles: titles.value, crossEncoders })
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<Result<T | null, string>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ok(null)
    throw cause
  }
  try {
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success ? ok(parsed.data) : err(`${path}: ${parsed.error.issues[0]!.message}`)
  } catch {
    return err(`${path} is not JSON`)
  }
}
