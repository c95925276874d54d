/** @file What the two sides of the encoder thread say to each other. */

import type { Provider } from '../runtime/session.ts'

export type EncodeRequest =
  | { kind: 'encode'; requestId: number; texts: readonly string[] }
  | { kind: 'close' }

export type EncodeReply =
  | { kind: 'ready'; provider: Provider }
  /** f32[texts, dim] in one buffer, transferred. */
  | { kind: 'vectors'; requestId: number; vectors: Float32Array<ArrayBuffer> }
  | { kind: 'failed'; requestId: number; reason: string }
