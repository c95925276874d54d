/** @file When nothing else is to do: find out how much the vectors help, and publish that weight. */
import { buildIndex } from '../../shared/retrieval/load-index.ts'
import type { IndexStore, Published } from '../indexing/index-store.ts'
import { chooseVectorWeight, type ShouldStop } from '../indexing/validate-fusion.ts'
import { createNodeEngine } from '../runtime/kernels.ts'
import type { ModelStore } from './model.ts'

/** Evidence from fewer queries than this is taken again once the catalogue has doubled. */
const QUERIES_ENOUGH = 200

export const needsTuning = ({ manifest, segments }: Published): boolean => {
  const { evidence } = manifest.fusion
  if (!evidence) return true
  const rows = segments.reduce((sum, segment) => sum + segment.rows, 0)
  return evidence.queries < QUERIES_ENOUGH && rows >= 2 * evidence.queries
}

/** @returns false when it was stopped or another worker published meanwhile; the next idle moment tries again */
export async function tuneFusion(
  deps: { store: IndexStore; models: ModelStore; nowMs(): number },
  from: Published,
  shouldStop: ShouldStop,
): Promise<boolean> {
  const model = await deps.models.load(from.manifest.model)
  const index = buildIndex(from.manifest, from.segments, createNodeEngine())
  const fusion = await chooseVectorWeight(index, model.encode, shouldStop)
  if (!fusion) return false
  const { segments } = from.manifest
  return deps.store.publish(from, { model: model.ref, fusion, segments }, deps.nowMs())
}
