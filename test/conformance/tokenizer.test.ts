/**
 * @file Our WordPiece against the ids of the reference tokenizers: on the cases of the tests of transformers.js, and on real
 * titles against Hugging Face's tokenizer in JavaScript.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createWordPiece } from '../../shared/text/wordpiece.ts'
import { missingTitles, readBertVocabulary, readRealTitles } from '../fixtures/real-titles.ts'
import { createReferenceTokenizer } from '../fixtures/reference-tokenizer.ts'

const DATA = join(process.env['AISLE_DATA'] ?? '../shared/data', 'tokenizer')
const TOKENS_MAX = 10_000
type Case = { name: string; text: string; text_pair?: string; tokens: string[]; ids: number[] }

for (const [model, lowercase] of [
  ['bert-base-uncased', true],
  ['bert-base-chinese', false],
] as const) {
  const folder = join(DATA, model)
  const missing = existsSync(folder) ? '' : ` (skipped: ${folder} is absent)`
  describe.skipIf(missing !== '')(`WordPiece of ${model}${missing}`, () => {
    const read = (file: string) => readFileSync(join(folder, file), 'utf8')
    const cases = missing ? [] : (JSON.parse(read('expected.json')) as Case[])
    const wordPiece = missing
      ? null
      : createWordPiece({ vocabulary: read('vocab.txt').trimEnd().split('\n'), lowercase })
    it.each(cases)('gives the reference ids: $name', ({ text, text_pair, ids, tokens }) => {
      const pair = text_pair === undefined ? [] : wordPiece!.tokens(text_pair)
      expect([...wordPiece!.tokens(text), ...pair]).toEqual(tokens)
      const encoded =
        text_pair === undefined
          ? wordPiece!.encode(text, TOKENS_MAX)
          : wordPiece!.encodePair(text, text_pair, TOKENS_MAX)
      expect([...encoded]).toEqual(ids)
    })
    it('cuts to the length asked for and still ends in [SEP]', () => {
      const ids = wordPiece!.encode('word '.repeat(500), 16)
      expect(ids).toHaveLength(16)
      expect(ids.at(-1)).toBe(wordPiece!.sepId)
    })
  })
}

/** The reference alone takes seconds on a free core. */
const REFERENCE_MS_MAX = 240_000
const missing = missingTitles()
it.skipIf(missing !== '')(
  `gives the reference ids on 100,000 real titles${missing && ` (skipped: ${missing})`}`,
  async () => {
    const vocabulary = readBertVocabulary()
    const wordPiece = createWordPiece({ vocabulary, lowercase: true })
    const reference = createReferenceTokenizer(vocabulary, true)
    const titles = await readRealTitles()
    expect(titles.length).toBeGreaterThan(100_000)
    const differing = titles.filter((title) => {
      const ids = wordPiece.encode(title, TOKENS_MAX)
      const expected = reference(title)
      return ids.length !== expected.length || expected.some((id, at) => id !== ids[at])
    })
    expect(differing).toEqual([])
  },
  REFERENCE_MS_MAX,
)
