/** @file Distillation: a small model learns to say what a large one says. */
import type { Loss, Network, Pooling } from '../network.ts'

export type DistilShape = { batch: number; seq: number; documents: number }
export type DistilOptions = {
  pooling: Pooling
  /** τ of both softmaxes. */
  temperature: number
  /** Share of the loss that asks for the teacher's very vector; the rest asks for its scores. In [0, 1]. */
  vectorShare: number
}

/**
 *   p = softmax(teacher scores / τ),  q = softmax(e Dᵀ / τ),   loss = (1 − λ) · mean KL(p ‖ q) + λ · mean (1 − e · t)
 *
 * Inputs: `text_ids`, `text_mask`; the teacher's `vectors` f32[batch, hidden] of these texts and `document_vectors`
 * f32[documents, hidden], all of unit length. Output `cosines` f32[batch, 1] between student and teacher.
 * Source: Hinton et al. 2015; Lin et al., RepL4NLP 2021 (in-batch scores of a teacher for dense retrieval).
 */
export function emitDistillation(net: Network, shape: DistilShape, options: DistilOptions): Loss {
  const { g } = net
  const hidden = net.config.hidden_size
  const { temperature, vectorShare } = options
  const student = net.vectors('text', shape.batch, shape.seq, options.pooling)
  const teacher = net.input('vectors', 'f32', [shape.batch, hidden])
  const documents = net.input('document_vectors', 'f32', [shape.documents, hidden])
  const alpha = 1 / temperature
  const wanted = g.logSoftmax(g.gemm(teacher, documents, null, { transB: true, alpha }))
  const said = g.logSoftmax(g.gemm(student, documents, null, { transB: true, alpha }))
  const divergence = g.mul(
    g.reduceSum(g.mul(g.exp(wanted), g.sub(wanted, said)), [0, 1]),
    g.scalar(1 / shape.batch),
  )
  const cosines = g.reduceSum(g.mul(student, teacher), 1)
  const distance = g.reduceMean(g.sub(g.scalar(1), cosines), [0, 1])
  const loss = g.add(g.mul(divergence, g.scalar(1 - vectorShare)), g.mul(distance, g.scalar(vectorShare)))
  return { loss, outputs: { cosines } }
}
