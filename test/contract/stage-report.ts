/** @file What Analytics Engine takes, as a double in memory that refuses what the service would. */

/**
 * Source of the limits: https://developers.cloudflare.com/analytics/analytics-engine/limits/ (20 blobs of 16 KB together, 20
 * doubles, one index of 96 bytes, 25 points for each invocation).
 */
const BLOBS_MAX = 20
const DOUBLES_MAX = 20
const BLOB_BYTES_MAX = 16 * 1024
const INDEX_BYTES_MAX = 96

export function createMemoryDataset(): AnalyticsEngineDataset & { points: AnalyticsEngineDataPoint[] } {
  const bytesOf = (value: ArrayBuffer | string | null) =>
    value === null ? 0 : typeof value === 'string' ? new TextEncoder().encode(value).length : value.byteLength
  const points: AnalyticsEngineDataPoint[] = []
  return {
    points,
    writeDataPoint(point = {}) {
      const { blobs = [], doubles = [], indexes = [] } = point
      if (blobs.length > BLOBS_MAX) throw new TypeError(`${blobs.length} blobs, at most ${BLOBS_MAX}`)
      if (doubles.length > DOUBLES_MAX)
        throw new TypeError(`${doubles.length} doubles, at most ${DOUBLES_MAX}`)
      if (indexes.length > 1) throw new TypeError(`${indexes.length} indexes, at most 1`)
      if (indexes.some((index) => bytesOf(index) > INDEX_BYTES_MAX))
        throw new TypeError(`an index of more than ${INDEX_BYTES_MAX} bytes`)
      if (blobs.reduce((sum, blob) => sum + bytesOf(blob), 0) > BLOB_BYTES_MAX)
        throw new TypeError(`blobs of more than ${BLOB_BYTES_MAX} bytes`)
      if (!doubles.every(Number.isFinite)) throw new TypeError('a double that is not finite')
      points.push(structuredClone(point))
    },
  }
}
