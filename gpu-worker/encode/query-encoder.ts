/** @file The same encoder for the edge: small enough to load in an isolate, run by onnxruntime-web one query at a time. */
import { assert } from '../../shared/lib/result.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import { buildEncoderModel } from './encoder-model.ts'

/** An isolate has 128 MB for everything, and fetches the file on its first hybrid search. */
export const QUERY_ENCODER_BYTES_MAX = 12_000_000
/** Longest query in tokens, [CLS] and [SEP] included; a longer input makes the run fail. */
export const QUERY_TOKENS_MAX = 64

/**
 * int8 weights and tables. Inputs and output as in `buildEncoderModel`, with at most `QUERY_TOKENS_MAX` tokens. Its vectors
 * are those of the worker's encoder at cosine ≥ .999, so queries and items live in one space.
 */
export function buildQueryEncoder(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const model = buildQueryEncoderOfAnySize(checkpoint)
  assert(
    model.byteLength <= QUERY_ENCODER_BYTES_MAX,
    `a query encoder of ${model.byteLength} bytes fits the edge's ${QUERY_ENCODER_BYTES_MAX}`,
  )
  return model
}

/** For those who want to know how large it is. */
export const buildQueryEncoderOfAnySize = (checkpoint: Checkpoint): Uint8Array<ArrayBuffer> =>
  buildEncoderModel(checkpoint, {
    precision: 'int8',
    quantiseTables: true,
    positions: QUERY_TOKENS_MAX,
  })
