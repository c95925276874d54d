/** @file The tagger by itself, on titles in which people marked the names: Multi-CPR, a character a line with its tag, a kind at a time. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { findSpans, learnTagger, type Span } from '../../shared/quality/impute/tagger.ts'
import { wordFeatures } from '../../shared/quality/impute/words.ts'
import { foldText } from '../../shared/text/normalise.ts'

const FOLDER = join(process.env['AISLE_DATA'] ?? '../shared/data', 'chinese')
const KINDS = { brand: 'HPPX', product: 'HCCX', model: 'XH', other: 'MISC' }

type Row = { kind: string; marked: number; precision: number; recall: number; f1: number }
export type NamesReport = { learnt: number; asked: number; rows: Row[] }
type Title = { features: number[][]; tags: string[] }

/** Null where the files are absent. */
export async function measureNames(): Promise<NamesReport | null> {
  const [train, asked] = ['entities_train.txt.gz', 'entities_dev.txt.gz'].map((name) => join(FOLDER, name))
  if (!existsSync(train!) || !existsSync(asked!)) return null
  const [learntTitles, askedTitles] = [await readTitles(train!), await readTitles(asked!)]
  const total = { right: 0, found: 0, marked: 0 }
  const rows = Object.entries(KINDS).map(([kind, mark]) => {
    const tagger = learnTagger(
      learntTitles.map(({ features, tags }) => ({ features, spans: spansOf(tags, mark) })),
    )
    const counts = { right: 0, found: 0, marked: 0 }
    for (const { features, tags } of askedTitles) {
      const marked = new Set(spansOf(tags, mark).map(keyOf))
      const found = findSpans(tagger, features).map(keyOf)
      counts.marked += marked.size
      counts.found += found.length
      counts.right += found.filter((key) => marked.has(key)).length
    }
    for (const key of ['right', 'found', 'marked'] as const) total[key] += counts[key]
    return rowOf(kind, counts)
  })
  return { learnt: learntTitles.length, asked: askedTitles.length, rows: [...rows, rowOf('all', total)] }
}

const rowOf = (
  kind: string,
  { right, found, marked }: { right: number; found: number; marked: number },
): Row => ({
  ...{ kind, marked, precision: right / found, recall: right / marked },
  f1: (2 * right) / (found + marked),
})
const keyOf = ({ from, to }: Span): string => `${from} ${to}`

async function readTitles(file: string): Promise<Title[]> {
  const text = gunzipSync(await readFile(file)).toString()
  return text
    .split(/\r?\n[ \t]*\r?\n/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const lines = block.split(/\r?\n/).filter((line) => line !== '')
      // A character is a word here, a space among them.
      const characters = lines.map((line) => line.slice(0, line.lastIndexOf(' ')) || ' ')
      let from = 0
      const words = characters.map((character) => {
        const word = { folded: foldText(character), from, to: from + character.length }
        from = word.to
        return word
      })
      const tags = lines.map((line) => line.slice(line.lastIndexOf(' ') + 1))
      return { features: wordFeatures(characters.join(''), words, true), tags }
    })
}

function spansOf(tags: readonly string[], mark: string): Span[] {
  const spans: Span[] = []
  tags.forEach((tag, at) => {
    const open = spans.at(-1)
    if (tag === `B-${mark}`) spans.push({ from: at, to: at + 1 })
    else if (tag === `I-${mark}` && open?.to === at) open.to = at + 1
  })
  return spans
}
