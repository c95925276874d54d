/** @file What the two sides of the encoder thread say to each other. */

export type EncodeRequest =
  | { kind: 'encode'; requestId: number; texts: readonly string[] }
  | { kind: 'close' }

export type EncodeReply =
  | { kind: 'ready' }
  /** f32[texts, dim] in one buffer, transferred. */
  | { kind: 'vectors'; requestId: number; vectors: Float32Array<ArrayBuffer> }
  | { kind: 'failed'; requestId: number; reason: string }
