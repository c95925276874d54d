import { describe, expect, it } from 'vitest'
import { tinyItems } from '../../test/fixtures/tiny-shop.ts'
import { createSeededCheckpoint } from '../model/seeded.ts'
import { textOf } from './examples.ts'
import { measureRetrieval, type RetrievalProbe } from './retrieval-metric.ts'

const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789.,']
const vocabulary = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...letters,
  ...letters.map((letter) => `##${letter}`),
]
const model = createSeededCheckpoint({ vocabulary, seed: 2, layers: 1, hidden: 16, heads: 2, positions: 64 })
const alone = { threads: 1 }
const documents = [...tinyItems.map(textOf), `${'😀'.repeat(100)} long`]
/** Each document is the one answer to itself. */
const probe = (queries: readonly string[]): RetrievalProbe => ({
  queries,
  documents,
  score: (query, ranking) => (documents[ranking[0]!] === queries[query] ? 1 : 0),
})

describe('the measure of a model', () => {
  it('is the mean of the scores, each of a ranking of all documents', async () => {
    const scores = [1, 0, 0.5]
    const score: RetrievalProbe['score'] = (query, ranking) => {
      // A single document is asked for when a sample is to say whether it answers.
      if (ranking.length > 1) expect(ranking.toSorted((a, b) => a - b)).toEqual([...documents.keys()])
      return scores[query]!
    }
    const { value } = await measureRetrieval(model, { queries: ['a', 'b', 'c'], documents, score }, alone)
    expect(value).toBe(0.5)
  })
  it('shows five queries at most, with three documents each and short, none the query itself', async () => {
    const { samples } = await measureRetrieval(model, probe(documents.toReversed().slice(0, 7)), alone)
    expect(samples).toHaveLength(5)
    for (const { query, documents: found } of samples!) {
      expect(found).toHaveLength(3)
      for (const { text, isRelevant } of found) {
        expect([...text].length).toBeLessThanOrEqual(80)
        expect(text).not.toBe(query)
        expect(isRelevant).toBe(false) // the one answer was the query itself
      }
    }
    expect(samples![0]!.query).toBe(`${'😀'.repeat(79)}…`)
  })
  it('says which of the documents answer', async () => {
    const answers: RetrievalProbe = {
      queries: ['small red lamp'],
      documents,
      score: (_, ranking) => ranking.filter((place) => documents[place]!.includes('lamp')).length,
    }
    const { samples } = await measureRetrieval(model, answers, alone)
    for (const { text, isRelevant } of samples![0]!.documents) expect(isRelevant).toBe(text.includes('lamp'))
  })
  it('reads no further than the model has positions', async () => {
    const short = createSeededCheckpoint({
      vocabulary,
      seed: 2,
      layers: 1,
      hidden: 16,
      heads: 2,
      positions: 12,
    })
    const { value } = await measureRetrieval(short, probe([documents[0]!]), alone)
    expect(value).toBe(1)
  })
})
