import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RelevanceModel, writeRelevance } from '../../gpu-worker/model/relevance.ts'
import { evalRerank, renderRerank } from './eval-rerank.ts'
import { Failure } from './failure.ts'

/** 1.25 for a title with at most half of the query's words, else 2.75. */
const model: RelevanceModel = {
  head: {
    version: 1,
    features: ['foundShare'],
    crossEncoders: 0,
    maxTokens: 48,
    lowest: 1,
    highest: 3,
    trees: {
      base: 2,
      trees: [{ feature: [0, -1, -1], threshold: [0.5, -0.75, 0.75], left: [1, 0, 0], right: [2, 0, 0] }],
    },
  },
  titles: ['Red Lamp', 'Green Chair'],
  crossEncoders: [],
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-rerank-'))
  await writeRelevance(directory, model)
})
afterEach(() => rm(directory, { recursive: true }))

const rerank = async (text: string, name = 'pairs.csv') => {
  const pairs = join(directory, name)
  await writeFile(pairs, text)
  const out = join(directory, 'scores.csv')
  const outcome = await evalRerank({ pairs, out, model: directory, threads: 1 })
  return { outcome, lines: (await readFile(out, 'utf8')).split('\n') }
}

describe('aisle eval rerank', () => {
  it('writes a score for each pair, in the order of the file', async () => {
    const { outcome, lines } = await rerank(
      'id,search_term,product_title\n9,red lamp,Large Red Lamp\n4,red lamp,Green Chair\n"a,b",chair,Green &amp; Blue Chair\n',
    )
    expect(lines).toEqual(['id,score', '9,2.750000', '4,1.250000', '"a,b",2.750000', ''])
    expect(outcome).toMatchObject({ pairs: 3, judged: null })
  })

  it('reads NDJSON, other names of columns, and files without ids', async () => {
    const { lines } = await rerank(
      '{"query":"red lamp","title":"Green Chair"}\n{"query":"chair","title":"Green Chair","item_id":"7"}\n',
      'pairs.ndjson',
    )
    expect(lines).toEqual(['id,score', '1,1.250000', '2,2.750000', ''])
  })

  it('compares with the judgments of the file, and scores the same without them', async () => {
    const judged = await rerank(
      'id,query,title,relevance\n1,lamp,Red Lamp,3\n2,lamp,Green Chair,1\n3,lamp,Lamp,\n',
    )
    expect(judged.outcome.judged).toEqual({ pairs: 2, pairAccuracy: 1, comparisons: 1, rmse: 0.25 })
    expect(renderRerank(judged.outcome)).toContain('pair accuracy 1.0000 (1 comparisons), RMSE 0.2500')
    const plain = await rerank('id,query,title\n1,lamp,Red Lamp\n2,lamp,Green Chair\n3,lamp,Lamp\n')
    expect(judged.lines).toEqual(plain.lines)
  })

  it('scores a pair that has no words', async () => {
    expect((await rerank('id,query,title\n1,,Red Lamp\n2,lamp,\n')).lines).toHaveLength(4)
  })

  it('says what is missing', async () => {
    await expect(rerank('id,query\n1,lamp\n')).rejects.toThrow(
      'pairs need a query (query, search_term) and a title',
    )
    await rm(join(directory, 'relevance'), { recursive: true })
    await expect(rerank('id,query,title\n1,lamp,Lamp\n')).rejects.toThrow('was not taught to judge pairs')
  })

  it('refuses a folder that is not whole', async () => {
    await rm(join(directory, 'relevance', 'titles.json'))
    await expect(rerank('id,query,title\n1,lamp,Lamp\n')).rejects.toThrow(Failure)
    await writeRelevance(directory, { ...model, head: { ...model.head, crossEncoders: 2 } })
    await expect(rerank('id,query,title\n1,lamp,Lamp\n')).rejects.toThrow(
      '0 cross-encoders, head.json asks for 2',
    )
    await writeFile(join(directory, 'relevance', 'head.json'), '{')
    await expect(rerank('id,query,title\n1,lamp,Lamp\n')).rejects.toThrow('is not JSON')
  })
})
