/** @file What the jobs need of a model: its entry in the manifest, and texts → vectors. */
import type { ModelRef } from '../../shared/schema/manifest.ts'
import type { Checkpoint } from '../model/checkpoint.ts'

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
  /** A second encoder beside the live one, to be closed by whoever asked for it. */
  openBeside(ref: ModelRef): Promise<LoadedModel & { close(): Promise<void> }>
  /** The whole of a model, to be trained on. */
  checkpoint(ref: ModelRef): Promise<Checkpoint>
  /** Store a model with its query encoder; the same model is stored once, under the same id. */
  upload(checkpoint: Checkpoint): Promise<ModelRef>
  close(): Promise<void>
}
