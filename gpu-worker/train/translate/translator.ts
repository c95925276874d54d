/** @file What a translator is, and one that remembers: no text is paid for twice in a folder. */
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'

/**
 * @param from, to names of languages, as a person says them: "English"
 * @returns        null when the reply is no translation that could be used
 * @throws TranslateError
 */
export type Translate = (
  text: string,
  from: string,
  to: string,
  signal?: AbortSignal,
) => Promise<string | null>
export type Translator = {
  /** What the translations depend on, beside the texts: a model's name. */
  name: string
  translate: Translate
}

/** The service cannot be used; the message says why, to the person who set it up. */
export class TranslateError extends Error {}

const Line = z.tuple([z.string(), z.string(), z.string(), z.string(), z.string().nullable()])

/** The same translator with a file of what it has said: name, from, to, text and translation a line. */
export async function withCache(translator: Translator, path: string): Promise<Translator> {
  const keyOf = (...parts: string[]) => JSON.stringify(parts)
  const known = new Map<string, string | null>()
  for (const line of (await readIfThere(path)).split('\n')) {
    const [name, from, to, text, translation = null] = parseLine(line) ?? []
    if (name !== undefined) known.set(keyOf(name, from!, to!, text!), translation)
  }
  await mkdir(dirname(path), { recursive: true })
  return {
    name: translator.name,
    async translate(text, from, to, signal) {
      const key = keyOf(translator.name, from, to, text)
      const found = known.get(key)
      if (found !== undefined) return found
      const translation = await translator.translate(text, from, to, signal)
      known.set(key, translation)
      // The break comes first: a line that a crash cut off spoils no other.
      await appendFile(path, `\n${JSON.stringify([translator.name, from, to, text, translation])}`)
      return translation
    },
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw cause
  }
}

function parseLine(line: string): z.infer<typeof Line> | null {
  try {
    return Line.parse(JSON.parse(line))
  } catch {
    return null // empty, or cut off: it will be asked again
  }
}
