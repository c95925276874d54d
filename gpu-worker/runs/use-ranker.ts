/** @file Another ranker for recommendations: tried here, before any shopper meets it, and named by the next version of the index. */
import { createRandom } from '../../shared/lib/random.ts'
import type { RankerRef } from '../../shared/schema/manifest.ts'
import { RANK_OUTCOMES } from '../../shared/schema/objectives.ts'
import { RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import type { BlobStore } from '../blob-store.ts'
import { type IndexStore, readBlob } from '../indexing/index-store.ts'
import { openSession } from '../runtime/session.ts'
import { RunError } from './train-model.ts'

/** Publishes that may come in between. */
const TRIES_MAX = 20
const TRIAL_ROWS = 200
const TRIAL_SEED = 64

type Deps = { blobs: BlobStore; store: IndexStore; nowMs(): number }

/**
 * @param ranker null goes back to the weights set by hand
 * @throws RunError when the ranker is not right, or there is no index that could name it
 */
export async function useRanker({ blobs, store, nowMs }: Deps, ranker: RankerRef | null): Promise<void> {
  if (ranker) await tryRanker(await readBlob(blobs, ranker))
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const live = await store.load()
    if (!live) throw new RunError('There is no index yet; import a catalogue first.')
    const { model, fusion, segments } = live.manifest
    if (await store.publish(live, { model, fusion, segments, ranker }, nowMs())) return
  }
  throw new Error(`the index changed ${TRIES_MAX} times meanwhile`)
}

/** As the edge will ask it, and for the same things: see `createOnnxRanker`. */
async function tryRanker(model: Uint8Array): Promise<void> {
  const session = await openSession(model, { threads: 1 }).catch((cause: unknown) => {
    throw new RunError(`The ranker is not an ONNX model that runs here: ${String(cause)}`)
  })
  try {
    const random = createRandom(TRIAL_SEED)
    const data = Float32Array.from({ length: TRIAL_ROWS * RANK_FEATURES_MAX }, random)
    const outputs = await session
      .run({ features: { data, dims: [TRIAL_ROWS, RANK_FEATURES_MAX] } })
      .catch((cause: unknown) => {
        throw new RunError(`The ranker does not take f32 features[n, ${RANK_FEATURES_MAX}]: ${String(cause)}`)
      })
    const names = Object.keys(outputs).join()
    if (names !== 'score' && names !== RANK_OUTCOMES.join())
      throw new RunError(`The ranker gives ${names}; wanted are score, or ${RANK_OUTCOMES.join(', ')}.`)
    for (const [name, { data: values }] of Object.entries(outputs)) {
      if (values.length !== TRIAL_ROWS)
        throw new RunError(`The ranker gives ${values.length} of ${name} for ${TRIAL_ROWS} rows.`)
      if (!values.every((value) => value >= 0 && value < Number.POSITIVE_INFINITY))
        throw new RunError(`The ranker gives a ${name} that is negative or not finite.`)
    }
  } finally {
    await session.close()
  }
}
