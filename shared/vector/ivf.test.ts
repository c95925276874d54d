/** @file Inverted lists as bytes: what is written is read, and no bytes break the reader. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, gaussian } from '../lib/random.ts'
import { decodeIvfHead, encodeIvf, type IvfHead, nearestLists, rangeOf, scanList } from './ivf.ts'
import { quantiseItem } from './quantise.ts'

const DIM = 8
const K = 5
const N = 60

function build() {
  const random = createRandom(3)
  const vector = () => {
    const raw = Float32Array.from({ length: DIM }, () => gaussian(random))
    const norm = Math.hypot(...raw)
    return raw.map((x) => x / norm)
  }
  const vectors = Array.from({ length: N }, vector)
  // The fourth list stays empty.
  const listOf = Uint32Array.from({ length: N }, (_, at) => [0, 1, 2, 4][at % 4]!)
  const files = encodeIvf(
    DIM,
    Array.from({ length: K }, () => quantiseItem(vector())),
    listOf,
    (at) => ({ number: at + 1, version: (at % 3) + 1, vector: quantiseItem(vectors[at]!) }),
  )
  return { ...files, vectors, listOf, query: vector() }
}
const { head, lists, vectors, listOf, query } = build()
const decode = (): IvfHead => {
  const decoded = decodeIvfHead(head, lists.length)
  if (!decoded.ok) throw new Error(decoded.error.reason)
  return decoded.value
}
const bytesOf = (ivf: IvfHead, list: number) => {
  const { offset, length } = rangeOf(ivf, list)
  return lists.slice(offset, offset + length)
}

describe('inverted lists', () => {
  it('give back every entry once, in its list, with its cosine', () => {
    const ivf = decode()
    const found = new Map<number, number>()
    for (let list = 0; list < K; list++) {
      const scanned = scanList(ivf, list, bytesOf(ivf, list), query)
      if (!scanned.ok) throw new Error(scanned.error.reason)
      for (const { number, version, cosine } of scanned.value) {
        expect(listOf[number - 1]).toBe(list)
        expect(version).toBe(((number - 1) % 3) + 1)
        found.set(number, cosine)
      }
    }
    expect(found.size).toBe(N)
    vectors.forEach((vector, at) => {
      const exact = vector.reduce((sum, x, i) => sum + x * query[i]!, 0)
      expect(Math.abs(found.get(at + 1)! - exact)).toBeLessThan(0.03)
    })
  })
  it('probes lists that have something, nearest first', () => {
    const ivf = decode()
    const all = nearestLists(ivf, query, K)
    expect(all).toHaveLength(K - 1)
    expect(all).not.toContain(3)
    expect(nearestLists(ivf, query, 2)).toEqual(all.slice(0, 2))
  })
})

describe('hostile bytes', () => {
  it.each([
    ['a count of 2^32 entries', 16, 0xffffffff],
    ['2^32 lists', 12, 0xffffffff],
    ['2^32 dimensions', 8, 0xfffffffc],
    ['no dimension', 8, 0],
    ['three dimensions', 8, 3],
    ['another version', 4, 2],
    ['another magic', 0, 0],
  ])('a head with %s is refused before anything is allocated for it', (_, offset, value) => {
    const bad = head.slice()
    new DataView(bad.buffer).setUint32(offset, value, true)
    expect(decodeIvfHead(bad, lists.length).ok).toBe(false)
  })
  it('a head whose lists file has another size is refused', () => {
    expect(decodeIvfHead(head, lists.length - 1).ok).toBe(false)
    expect(decodeIvfHead(head, lists.length + 20).ok).toBe(false)
  })
  it('every cut of the head is an error', () => {
    for (let length = 0; length < head.length; length++)
      expect(decodeIvfHead(head.slice(0, length), lists.length).ok).toBe(false)
  })
  it('every flipped bit of a list is an error', () => {
    const ivf = decode()
    const good = bytesOf(ivf, 1)
    fc.assert(
      fc.property(fc.nat(good.length * 8 - 1), (bit) => {
        const bad = good.slice()
        bad[bit >> 3]! ^= 1 << (bit & 7)
        expect(scanList(ivf, 1, bad, query).ok).toBe(false)
      }),
    )
  })
  it('a short, long or shifted range is an error', () => {
    const ivf = decode()
    const { offset, length } = rangeOf(ivf, 1)
    for (const [from, to] of [
      [offset, offset + length - 1],
      [offset, offset + length + 1],
      [offset + 4, offset + length + 4],
      [offset, offset],
    ] as const)
      expect(scanList(ivf, 1, lists.slice(from, to), query).ok).toBe(false)
  })
  it('bytes that lie askew in memory are read all the same', () => {
    const ivf = decode()
    const askew = new Uint8Array(bytesOf(ivf, 1).length + 1)
    askew.set(bytesOf(ivf, 1), 1)
    expect(scanList(ivf, 1, askew.subarray(1), query)).toEqual(scanList(ivf, 1, bytesOf(ivf, 1), query))
  })
  it('random heads never throw, and what is read from one never leaves its bytes', () => {
    const mutation = fc.array(fc.tuple(fc.nat(head.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(mutation, (changes) => {
        const bad = head.slice()
        for (const [at, value] of changes) bad[at] = value
        const decoded = decodeIvfHead(bad, lists.length)
        if (!decoded.ok) return
        for (const list of nearestLists(decoded.value, query, K)) {
          const { offset, length } = rangeOf(decoded.value, list)
          expect(offset + length).toBeLessThanOrEqual(lists.length)
          scanList(decoded.value, list, bytesOf(decoded.value, list), query)
        }
      }),
    )
  })
})
