/** @file What the jobs need of a model: its entry in the manifest, and texts → vectors. */
import type { ModelRef } from '../../shared/schema/manifest.ts'

export type LoadedModel = {
  ref: ModelRef
  /** Unit vectors f32[dim], one per text, in order. */
  encode(texts: string[]): Promise<Float32Array[]>
}

export type ModelStore = {
  /** The model that a manifest names. Stays loaded until another is asked for. */
  load(ref: ModelRef): Promise<LoadedModel>
  /** The first model of a shop: the checkpoint folder when one is configured, else seeded, with a vocabulary of `texts`. */
  bootstrap(texts: readonly string[]): Promise<LoadedModel>
  close(): Promise<void>
}
