/** @file From scored documents to the hits of a reply. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import type { Manifest } from '../../shared/schema/manifest.ts'
import type { Hit, HitNotes, RankedReply } from '../../shared/schema/replies.ts'

/** A document on its way to the shopper; `reasons` are plain sentences, the strongest first. */
export type Scored = { doc: number; score: number; reasons: string[]; notes?: HitNotes }

/** With their fields; an item whose shard fell silent meanwhile is left out. */
export async function toHits(
  items: Pick<ItemSource, 'load' | 'display'>,
  ranked: readonly Scored[],
): Promise<Hit[]> {
  await items.load({ displays: ranked.map(({ doc }) => doc) })
  return ranked.flatMap(({ doc, score, reasons, notes }) => {
    const display = items.display(doc)
    return display ? [{ ...display, score: scoreShown(score), reasons, ...notes }] : []
  })
}

/** A score as replies give it. */
export const scoreShown = (score: number): number => Math.round(score * 1e6) / 1e6

/** What every ranked reply says of itself: one index version and one model, and what was left out. */
export const rankedFrame = (
  requestId: string,
  { manifest }: { manifest: Manifest },
  degraded: readonly string[],
): Omit<RankedReply, 'hits'> => ({
  requestId,
  indexVersion: manifest.version,
  model: manifest.model.id,
  degraded: [...degraded],
})
