/** @file Batches for contrastive learning: queries with their documents, mined negatives, and who is no negative of whom. */
import { createRandom, type Random } from '../../../shared/lib/random.ts'
import type { WordPiece } from '../../../shared/text/wordpiece.ts'
import { type ContrastiveOptions, emitContrastive } from '../objectives/contrastive.ts'
import type { Batch } from '../plan.ts'
import { mix, type Task } from '../trainer.ts'
import { drawExamples } from './order.ts'
import { paddedLength, padTexts } from './padding.ts'

/** One query with one document that answers it. */
export type Pair = {
  query: string
  document: string
  weight: number
  /** Documents to tell it from, at most `hardNegatives` are used. */
  negatives: readonly string[]
  /** Whether another document of the batch answers the query as well. */
  isRelevant(document: string): boolean
}
export type ContrastiveTaskOptions = ContrastiveOptions & {
  name: string
  /** How many examples there are. */
  count: number
  /** The pair of an example; may draw its words or its negatives anew each time. */
  pairOf(example: number, random: Random): Pair
  tokenizer: WordPiece
  pairs: number
  hardNegatives: number
  maxQueryTokens: number
  maxDocumentTokens: number
  weight: number
  seed: number
}

export function createContrastiveTask(options: ContrastiveTaskOptions): Task {
  const { name, pairs, seed } = options
  const examplesOf = drawExamples(options.count, pairs, seed)
  return {
    name,
    weight: options.weight,
    batchAt(draw) {
      const random = createRandom(mix(seed, draw))
      return batchOf(
        examplesOf(draw).map((example) => options.pairOf(example, random)),
        options,
        random,
      )
    },
  }
}

function batchOf(pairs: readonly Pair[], options: ContrastiveTaskOptions, random: Random): Batch {
  const { tokenizer, hardNegatives, maxQueryTokens, maxDocumentTokens } = options
  const mined = pairs.flatMap(({ negatives }) => {
    // A query without enough mined negatives borrows documents of others; they are negatives of the batch anyway.
    const own = negatives.slice(0, hardNegatives)
    while (own.length < hardNegatives) own.push(pairs[Math.floor(random() * pairs.length)]!.document)
    return own
  })
  const documents = [...pairs.map(({ document }) => document), ...mined]
  const excluded = new Float32Array(pairs.length * documents.length)
  pairs.forEach((pair, row) => {
    documents.forEach((document, column) => {
      if (column !== row && (document === pair.document || pair.isRelevant(document)))
        excluded[row * documents.length + column] = 1
    })
  })
  const queryIds = pairs.map(({ query }) => tokenizer.encode(query, maxQueryTokens))
  const documentIds = documents.map((document) => tokenizer.encode(document, maxDocumentTokens))
  const querySeq = paddedLength(queryIds, maxQueryTokens)
  const documentSeq = paddedLength(documentIds, maxDocumentTokens)
  const shape = { pairs: pairs.length, querySeq, documentSeq, hardNegatives }
  return {
    shape: `${options.name} ${pairs.length}×${querySeq}, ${documents.length}×${documentSeq}`,
    emit: (net) => emitContrastive(net, shape, options),
    feeds: {
      ...padTexts('query', queryIds, querySeq, tokenizer.padId),
      ...padTexts('document', documentIds, documentSeq, tokenizer.padId),
      excluded: { data: excluded, dims: [pairs.length, documents.length] },
      weights: { data: Float32Array.from(pairs, ({ weight }) => weight), dims: [pairs.length, 1] },
    },
    texts: pairs.length + documents.length,
  }
}
