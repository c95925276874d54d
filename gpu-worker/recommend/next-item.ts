/** @file What every model of the next item takes and gives. */

/** Items are numbered from 0; a history is oldest first. */
export type Sequences = { itemCount: number; sequences: readonly Uint32Array[] }
/** What every next-item model does. */
export type NextItemModel = {
  /** f32[itemCount] for each history; higher is better. Whole catalogue, nothing left out. */
  score(histories: readonly Uint32Array[]): Promise<Float32Array[]>
}
