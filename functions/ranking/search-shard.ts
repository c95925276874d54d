/** @file The shard as a Durable Object: one for each part of a large index and region. Keeps nothing but what is in memory. */
import { DurableObject } from 'cloudflare:workers'
import relaxedKernels from '../../shared/kernels/relaxed.wasm'
import type { ShardQuery } from '../../shared/retrieval/shard.ts'
import type { CandidatesAsked, ItemsAsked } from '../../shared/retrieval/shard-items.ts'
import type { Asked } from '../../shared/retrieval/statistics.ts'
import type { CompletionsAsked } from '../../shared/retrieval/suggest.ts'
import { createWasmEngine } from '../../shared/vector/wasm-engine.ts'
import type { Bindings } from '../env.ts'
import { createStreamDigest } from './digest.ts'
import { createShard, type Shard, type Slice } from './shard.ts'

/** Methods are called over RPC; what they do is in `shard.ts`. */
export class SearchShard extends DurableObject<Bindings> implements Shard {
  readonly #shard: Shard

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env)
    this.#shard = createShard({
      bucket: env.BUCKET,
      engine: createWasmEngine({ name: 'relaxed-simd', module: relaxedKernels }),
      clock: () => Date.now(),
      createDigest: createStreamDigest,
    })
  }

  prepare(slice: Slice) {
    return this.#shard.prepare(slice)
  }
  statistics(slice: Slice, asked: Asked) {
    return this.#shard.statistics(slice, asked)
  }
  search(slice: Slice, query: ShardQuery) {
    return this.#shard.search(slice, query)
  }
  show(slice: Slice, numbers: readonly number[]) {
    return this.#shard.show(slice, numbers)
  }
  items(slice: Slice, asked: ItemsAsked) {
    return this.#shard.items(slice, asked)
  }
  candidates(slice: Slice, asked: CandidatesAsked) {
    return this.#shard.candidates(slice, asked)
  }
  completions(slice: Slice, asked: CompletionsAsked) {
    return this.#shard.completions(slice, asked)
  }
  has(slice: Slice, rows: readonly { number: number; version: number }[]) {
    return this.#shard.has(slice, rows)
  }
}
