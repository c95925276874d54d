/** @file Contrastive learning of one vector space for queries and documents. */
import type { Value } from '../../graph/builder.ts'
import type { Loss, Network, Pooling } from '../network.ts'
import { weightedMean } from './reduce.ts'

export type ContrastiveShape = {
  /** Queries, each with one relevant document. */
  pairs: number
  querySeq: number
  documentSeq: number
  /** Mined negatives per query, 0 or more. */
  hardNegatives: number
}
export type ContrastiveOptions = {
  pooling: Pooling
  /** τ > 0: small makes the loss look at the nearest negatives only. */
  temperature: number
  /** A negative whose cosine exceeds the relevant document's by more than this is taken for relevant too, and left out. */
  margin: number
}

/** Taken from the logits of a pair that is not to be a negative. */
const EXCLUDED = 10_000

/**
 *   s = cos(q, d) / τ,   loss = mean over queries of −ln softmax(s)[own document],
 *   and the same from the documents' side over the queries of the batch; the two are averaged.
 *
 * Every other document of the batch is a negative, and so are the mined ones. Inputs: `query_ids`, `query_mask`,
 * `document_ids`, `document_mask` with the relevant documents first, in the order of the queries, then the mined ones;
 * `excluded` f32[pairs, documents], 1 where a document is known to be relevant as well (never on the diagonal);
 * `weights` f32[pairs, 1]. Output `cosines` f32[pairs, documents].
 *
 * Source: van den Oord et al. 2018 (InfoNCE); Karpukhin et al., EMNLP 2020 (in-batch and mined negatives); the margin as
 * in Moreira et al., NV-Retriever, 2024 (perc-pos), here with an absolute margin.
 */
export function emitContrastive(net: Network, shape: ContrastiveShape, options: ContrastiveOptions): Loss {
  const { g } = net
  const { pairs, hardNegatives } = shape
  const documents = pairs * (1 + hardNegatives)
  const query = net.vectors('query', pairs, shape.querySeq, options.pooling)
  const document = net.vectors('document', documents, shape.documentSeq, options.pooling)
  const cosines = g.gemm(query, document, null, { transB: true })

  const own = g.tensor([pairs, documents], diagonal(pairs, documents))
  const ownCosine = g.reduceSum(g.mul(cosines, own), 1)
  const tooNear = g.mul(
    g.isGreater(cosines, g.add(ownCosine, g.scalar(options.margin))),
    g.sub(g.scalar(1), own),
  )
  const left = g.max(tooNear, net.input('excluded', 'f32', [pairs, documents]))
  const logits = g.sub(g.mul(cosines, g.scalar(1 / options.temperature)), g.mul(left, g.scalar(EXCLUDED)))

  const weights = net.input('weights', 'f32', [pairs, 1])
  const ownNats = (scores: Value, diagonalOf: Value) =>
    weightedMean(g, g.neg(g.reduceSum(g.mul(g.logSoftmax(scores), diagonalOf), 1)), weights)
  const fromQueries = ownNats(logits, own)
  const fromDocuments = ownNats(g.transpose(g.slice(logits, 1, 0, pairs), [1, 0]), g.slice(own, 1, 0, pairs))
  return { loss: g.mul(g.add(fromQueries, fromDocuments), g.scalar(0.5)), outputs: { cosines } }
}

function diagonal(rows: number, columns: number): Float32Array {
  const values = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) values[row * columns + row] = 1
  return values
}
