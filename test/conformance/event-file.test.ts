/** Event files are byte for byte those of TensorBoard's own writer, see `tensorboard/make_golden.py`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { histogramOf } from '../../gpu-worker/train/histogram.ts'
import { crc32c } from '../../gpu-worker/train/tensorboard/crc32c.ts'
import { encodeRecord } from '../../gpu-worker/train/tensorboard/event-file.ts'

const golden = readFileSync(join(import.meta.dirname, 'tensorboard/events.out.tfevents.golden'))
const AT_MS = 1_760_000_000_250

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4; the last one is the check value of the CRC catalogue.
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i)
  it.each([
    ['zeros', new Uint8Array(32), 0x8a9136aa],
    ['ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['ascending', ascending, 0x46dd794e],
    ['descending', ascending.toReversed(), 0x113fdb5c],
    ['"123456789"', new TextEncoder().encode('123456789'), 0xe3069283],
  ])('of 32 %s is that of the RFC', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })
})

it('an event file equals the one that TensorBoard writes', () => {
  const histogram = histogramOf(Float32Array.of(2, 2.5, 3.25, 7, 7.5, 31, 31.5, 32))
  const records = [
    encodeRecord(AT_MS, 0, 'version'),
    encodeRecord(AT_MS, 10, { values: { loss: { scalar: 0.1 } } }),
    encodeRecord(AT_MS, 300, { values: { loss: { scalar: -2.5 }, 'MRR@10': { scalar: 0.75 } } }),
    encodeRecord(AT_MS, 300, { values: { 'parameter/w': { histogram } } }),
    encodeRecord(AT_MS, 2 ** 40, { values: { recipe: { text: '# Größe\n\n量 **fett**' } } }),
    encodeRecord(AT_MS, 301, 'restart'),
  ]
  expect(Buffer.concat(records).toString('hex')).toBe(golden.toString('hex'))
})
