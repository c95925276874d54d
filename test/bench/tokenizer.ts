/**
 * @file How fast titles become token ids: our WordPiece against the reference tokenizer in JavaScript, which gives the same ids.
 *
 *   node test/bench/tokenizer.ts [--json] [--smoke]
 *
 * Real titles and BERT's vocabulary where `AISLE_DATA` (default ../shared/data) has them, else the sample shop's. Cold: a new
 * tokenizer meets every title for the first time. Warm: it meets them again, with the words that it remembers.
 */
import { parseArgs } from 'node:util'
import { sampleCatalogue } from '../../infra/sample/catalogue.ts'
import { trainWordPiece } from '../../shared/text/train-wordpiece.ts'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { missingTitles, readBertVocabulary, readRealTitles } from '../fixtures/real-titles.ts'
import { createReferenceTokenizer } from '../fixtures/reference-tokenizer.ts'
import { alternate, commit, machine, type Spread, spread } from './measure.ts'

/** Longer than any title. */
const TOKENS_MAX = 10_000
const VOCABULARY_SIZE = 8_000

export type TokenizerSizes = { titles: number; rounds: number; source: 'real' | 'sample' }
export const SMOKE: TokenizerSizes = { titles: 200, rounds: 2, source: 'sample' }
export const FULL: TokenizerSizes = { titles: Number.POSITIVE_INFINITY, rounds: 5, source: 'real' }

/** Titles a second. */
type Rates = { cold: Spread; warm: Spread }
export type TokenizerReport = {
  machine: string
  commit: string
  titles: string
  ours: Rates
  reference: Rates
  /** Titles for which the two give other ids. */
  differing: string[]
  /** Sum of all ids. */
  checksum: number
}

type Encode = (title: string) => ArrayLike<number>

export async function measureTokenizer(sizes: TokenizerSizes): Promise<TokenizerReport> {
  const { name, titles, vocabulary } = await readTitles(sizes)
  const ours = (): Encode => {
    const wordPiece = createWordPiece({ vocabulary, lowercase: true })
    return (title) => wordPiece.encode(title, TOKENS_MAX)
  }
  const reference = (): Encode => createReferenceTokenizer(vocabulary, true)
  const measure = (create: () => Encode) => () => {
    const encode = create()
    return { cold: rateOf(encode, titles), warm: rateOf(encode, titles) }
  }
  const [oursRates, referenceRates] = await alternate([ours, reference].map(measure), sizes.rounds)
  const ratesOf = (rounds: { cold: number; warm: number }[]): Rates => ({
    cold: spread(rounds.map(({ cold }) => cold)),
    warm: spread(rounds.map(({ warm }) => warm)),
  })
  const [left, right] = [ours(), reference()]
  const isDifferent = (title: string) => {
    const [ids, expected] = [left(title), right(title)]
    return ids.length !== expected.length || Array.from(ids).some((id, at) => id !== expected[at])
  }
  return {
    machine: machine(),
    commit: commit(),
    titles: name,
    ours: ratesOf(oursRates!),
    reference: ratesOf(referenceRates!),
    differing: titles.filter(isDifferent),
    checksum: titles.reduce((sum, title) => sum + Array.from(left(title)).reduce((a, b) => a + b, 0), 0),
  }
}

async function readTitles({ titles: count, source }: TokenizerSizes) {
  const missing = missingTitles()
  if (source === 'real' && missing === '') {
    const titles = (await readRealTitles()).slice(0, count)
    const name = `${titles.length} distinct real titles, vocabulary of bert-base-uncased`
    return { name, titles, vocabulary: readBertVocabulary() }
  }
  const titles = sampleCatalogue()
    .map(({ title }) => title)
    .slice(0, count)
  const why = source === 'real' ? ` (${missing})` : ''
  const vocabulary = trainWordPiece(titles, { size: VOCABULARY_SIZE, lowercase: true })
  return { name: `${titles.length} titles of the sample shop${why}`, titles, vocabulary }
}

function rateOf(encode: Encode, titles: readonly string[]): number {
  const from = performance.now()
  for (const title of titles) encode(title)
  return titles.length / ((performance.now() - from) / 1_000)
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, smoke: { type: 'boolean' } } })
  const report = await measureTokenizer(values.smoke ? SMOKE : FULL)
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string) => console.log(`${name.padEnd(28)} ${value}`)
    const line = ({ median, low, high }: Spread) => `${median}   (${low} to ${high})`
    row('machine', report.machine)
    row('titles', report.titles)
    row('ours, cold, titles/s', line(report.ours.cold))
    row('ours, warm, titles/s', line(report.ours.warm))
    row('reference, cold, titles/s', line(report.reference.cold))
    row('reference, warm, titles/s', line(report.reference.warm))
    row('titles with other ids', String(report.differing.length))
    for (const title of report.differing.slice(0, 10)) row('', JSON.stringify(title))
    row('checksum', String(report.checksum))
  }
}
