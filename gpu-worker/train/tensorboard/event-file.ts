/**
 * @file The file format of TensorBoard: records, each an event, each with a checksum of its length and one of its bytes.
 *
 *   offset   size  field
 *   0        8     length u64        bytes of the event
 *   8        4     masked CRC-32C of the length field
 *   12       n     event, a protobuf message
 *   12 + n   4     masked CRC-32C of the event
 *
 * Source: tensorflow/core/lib/io/record_writer.h; event.proto, summary.proto, histogram.proto and tensor.proto of TensorBoard
 * 2.21. Field numbers stand beside each message below.
 */
import { double, doubles, float, int, join, message, type Rope, string, toBytes } from '../../protobuf.ts'
import type { Histogram } from '../histogram.ts'
import { crc32c } from './crc32c.ts'

export type Value = { scalar: number } | { histogram: Histogram } | { text: string }
/** What one event says: the first of a file, numbers of a step, or that a run goes on at a step. */
export type What = 'version' | { values: Readonly<Record<string, Value>> } | 'restart'

const FILE_VERSION = 'brain.Event:2'
/** Constants of tensor.proto and event.proto. */
const DT_STRING = 7
const SESSION_START = 1
/** So that a checksum of bytes that hold a checksum is no special value. */
const MASK_DELTA = 0xa282ead8

/** SummaryMetadata: plugin_data 1 → plugin_name 1. TensorProto: dtype 1, tensor_shape 2 → dim 2 → size 1, string_val 8. */
const encodeText = (text: string): Rope =>
  join([
    message(8, join([int(1, DT_STRING), message(2, message(2, int(1, 1))), string(8, text)])),
    message(9, message(1, string(1, 'text'))),
  ])

/** HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7. A limit is a bucket's upper end. */
function encodeHistogram({ min, max, count, sum, sumSquares, buckets }: Histogram): Rope {
  const limits = buckets.map((_, at) => min + ((max - min) * (at + 1)) / buckets.length)
  return join([
    ...[min, max, count, sum, sumSquares].map((number, at) => double(at + 1, number)),
    doubles(6, limits),
    doubles(7, buckets),
  ])
}

/** Summary.Value: tag 1, simple_value 2, histo 5, tensor 8, metadata 9. */
function encodeValue(tag: string, value: Value): Rope {
  if ('scalar' in value) return join([string(1, tag), float(2, value.scalar)])
  if ('histogram' in value) return join([string(1, tag), message(5, encodeHistogram(value.histogram))])
  return join([string(1, tag), encodeText(value.text)])
}

/** Event: wall_time 1, step 2, file_version 3, summary 5 → value 1, session_log 7 → status 1. */
function encodeEvent(atMs: number, step: number, what: What): Rope {
  const time = double(1, atMs / 1_000)
  if (what === 'version') return join([time, string(3, FILE_VERSION)])
  if (what === 'restart') return join([time, int(2, step), message(7, int(1, SESSION_START))])
  const values = Object.entries(what.values).map(([tag, value]) => message(1, encodeValue(tag, value)))
  return join([time, int(2, step), message(5, join(values))])
}

/** The bytes of one event, to be appended to a file that begins with `version`. */
export function encodeRecord(atMs: number, step: number, what: What): Uint8Array<ArrayBuffer> {
  const event = toBytes(encodeEvent(atMs, step, what))
  const record = new Uint8Array(16 + event.length)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(event.length), true)
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true)
  record.set(event, 12)
  view.setUint32(12 + event.length, maskedCrc(event), true)
  return record
}

/** The CRC turned right by 15 bits, plus a constant, modulo 2³². */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
}
