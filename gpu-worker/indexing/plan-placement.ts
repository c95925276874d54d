/**
 * @file Which shard holds which segments. Pure. An index that fits in one isolate has no shards: a search there makes no network
 * call. Above that, a segment stays where it is, so that a publish moves only what is new.
 */
import { SHARDS_MAX } from '../../shared/schema/manifest.ts'

const MB = 1024 * 1024
/** Bytes of the files. An isolate has 128 MB, and holds two versions while it goes from one to the next. */
export const LIMITS = { isolateBytesMax: 64 * MB, shardBytesMax: 64 * MB }
export type PlacementLimits = typeof LIMITS

export type PlacedSegment = { id: string; bytes: number }

/**
 * @param previous segment ids of each shard as published last, null when there were no shards
 * @returns        `moved` says that these are other shards than before, which load beside them; null when one isolate holds all
 */
export function planShards(
  previous: readonly (readonly string[])[] | null,
  segments: readonly PlacedSegment[],
  { isolateBytesMax, shardBytesMax }: PlacementLimits = LIMITS,
): { shards: string[][]; moved: boolean } | null {
  const total = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  // Half of the limit on the way down: a shop at the limit would go to and fro.
  if (total <= (previous ? isolateBytesMax / 2 : isolateBytesMax)) return null
  const kept = previous ? keepPlaces(previous, segments) : []
  const isSparse = kept.length >= 2 * Math.ceil(total / shardBytesMax)
  const isOther = isSparse || kept.every(({ ids }) => ids.length === 0)
  const shards = isOther ? [] : kept
  const placed = new Set(shards.flatMap(({ ids }) => ids))
  for (const segment of segments) if (!placed.has(segment.id)) place(shards, segment, shardBytesMax)
  return { shards: shards.map(({ ids }) => ids), moved: isOther }
}

type Shard = { ids: string[]; bytes: number }

function keepPlaces(previous: readonly (readonly string[])[], segments: readonly PlacedSegment[]): Shard[] {
  const bytesOf = new Map(segments.map(({ id, bytes }) => [id, bytes]))
  return previous.map((shard) => {
    const ids = shard.filter((id) => bytesOf.has(id))
    return { ids, bytes: ids.reduce((sum, id) => sum + bytesOf.get(id)!, 0) }
  })
}

/** On the emptiest shard, or on a new one where it would not fit. */
function place(shards: Shard[], { id, bytes }: PlacedSegment, shardBytesMax: number): void {
  const emptiest = shards.toSorted((a, b) => a.bytes - b.bytes)[0]
  const fits = emptiest && (emptiest.ids.length === 0 || emptiest.bytes + bytes <= shardBytesMax)
  if (emptiest && (fits || shards.length >= SHARDS_MAX)) {
    emptiest.ids.push(id)
    emptiest.bytes += bytes
  } else shards.push({ ids: [id], bytes })
}
