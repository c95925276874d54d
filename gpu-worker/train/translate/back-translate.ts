/**
 * @file Another wording of a query: what it becomes when it is translated to another language and back.
 *
 * Source: Sennrich, Haddow and Birch, ACL 2016 (back-translation as training data); Mallinson, Sennrich and Lapata, EACL 2017
 * (paraphrases by a pivot language).
 */
import { join } from 'node:path'
import type { Random } from '../../../shared/lib/random.ts'
import type { BackTranslation } from '../recipe.ts'
import { type Context, StageStopped } from '../run-stage.ts'
import { type Translator, withCache } from './translator.ts'

/** A query, or sometimes another wording of it. */
export type Rephrase = (query: string, random: Random) => string
export const AS_IT_IS: Rephrase = (query) => query

const CACHE_FILE = 'translations.ndjson'
const TEXTS_PER_NOTE = 50

/**
 * Asks for what the run's folder does not have yet.
 *
 * @param texts the most important first
 * @throws TranslateError  when the service cannot be used
 * @throws StageStopped    on a signal; what was translated is kept
 */
export async function prepareRephrasing(
  settings: BackTranslation | undefined,
  texts: readonly string[],
  context: Context,
): Promise<Rephrase> {
  if (!settings || !context.translator) return AS_IT_IS
  const translator = await withCache(context.translator, join(context.sharedDirectory, CACHE_FILE))
  const chosen = [...new Set(texts)].slice(0, settings.textsMax)
  const paraphrases = await backTranslate(chosen, translator, settings, context)
  return (query, random) => {
    const other = paraphrases.get(query)
    return other !== undefined && random() < settings.share ? other : query
  }
}

/** @returns other wordings by text; none for a text that came back as it was, or not at all */
async function backTranslate(
  texts: readonly string[],
  { translate }: Translator,
  { from, language, concurrency }: BackTranslation,
  { journal, signal }: Context,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const failed = new AbortController()
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  let next = 0
  let done = 0
  const work = async () => {
    while (next < texts.length && !stop.aborted) {
      const text = texts[next++]!
      const there = await translate(text, from, language, stop)
      const back = there === null ? null : await translate(there, language, from, stop)
      if (back !== null && back.toLowerCase() !== text.toLowerCase()) found.set(text, back)
      if (++done % TEXTS_PER_NOTE === 0 || done === texts.length)
        journal.note({ event: 'back-translation', done, texts: texts.length, changed: found.size })
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, work))
  } catch (error) {
    failed.abort() // the others need not go on
    if (!signal?.aborted) throw error
  }
  if (signal?.aborted) throw new StageStopped('back-translation', 'stopped', done)
  return found
}
