/** @file The engine in plain TypeScript, without a budget: the reference that the kernels are held to. */
import { assert } from '../lib/result.ts'
import { isOpen, scaleOf, type VectorEngine, type VectorPart, type VectorRows } from './engine.ts'
import { chooseVaried } from './plain-diversify.ts'
import { codeSums, dequantise, dotRows, quantiseQuery } from './quantise.ts'

type Held = VectorPart & VectorRows & { sums: Uint32Array }

export function createPlainEngine(): VectorEngine {
  const parts = new Map<VectorPart, Held>()
  /** Codes of those that are being filled. */
  const filling = new Map<VectorPart, Uint8Array>()

  /** Scores of all rows of a part; null when they cannot be compared with the query. */
  function scoresOfAll(part: VectorPart, query: Float32Array): Float32Array | null {
    const held = parts.get(part)
    if (!held || held.dim !== query.length || !query.every(Number.isFinite)) return null
    const scores = new Float32Array(held.rows)
    dotRows(held.codes, held.sums, held.scales, held.rows, quantiseQuery(query), scores)
    return scores
  }

  const engine: VectorEngine = {
    state: () => ({ kernels: 'plain', residentBytes: 0, usedBytes: 0, estimatedRows: 0, missingRows: 0 }),
    limit() {},
    place({ dim, codes, ...values }) {
      const part = engine.reserve(values.scales.length, dim)
      assert(codes.length === part.rows * dim, 'vectors of different lengths')
      engine.write(part, 0, codes)
      engine.complete(part, values)
      return part
    },
    reserve(rows, dim) {
      const part = { rows, dim }
      filling.set(part, new Uint8Array(rows * dim))
      return part
    },
    write: (part, offset, bytes) => filling.get(part)?.set(bytes, offset),
    complete(part, { scales, numbers }) {
      const codes = filling.get(part)
      if (!codes) return
      const { rows, dim } = part
      assert(scales.length === rows && numbers.length === rows, 'vectors of different lengths')
      filling.delete(part)
      const sums = codeSums(codes, dim, rows)
      parts.set(part, { rows, dim, numbers, codes, sums, scales: scales.map(scaleOf) })
    },
    wanted: () => null,
    give() {},
    regain: () => false,
    shortfall: () => null,
    retire() {},
    release(part) {
      filling.delete(part)
      parts.delete(part)
    },
    search(targets, query, limit) {
      const matches = targets.flatMap(({ part, base, mask }) => {
        const scores = scoresOfAll(part, query)
        const { numbers } = parts.get(part) ?? {}
        if (!scores || !numbers) return []
        return Array.from(scores, (score, row) => ({
          doc: base + row,
          score,
          number: numbers[row]!,
          row,
        })).filter(({ row }) => isOpen(mask, row))
      })
      return matches
        .sort((a, b) => b.score - a.score || a.number - b.number)
        .slice(0, limit)
        .map(({ doc, score }) => ({ doc, score }))
    },
    searchMany: (targets, queries, limit) => queries.map((query) => engine.search(targets, query, limit)),
    scoresOf(part, rows, query) {
      const scores = scoresOfAll(part, query)
      return Float32Array.from(rows, (row) => scores?.[row] ?? 0)
    },
    vectorOf(part, row) {
      const held = parts.get(part)
      const scale = held?.scales[row] ?? 0
      return held && scale > 0 ? dequantise(held.codes, row * held.dim, held.dim, scale) : null
    },
    choose(candidates, rule, wanted) {
      const vectors = candidates.map(({ part, row }) => engine.vectorOf(part, row))
      const similarity = (a: number, b: number) => {
        const [x, y] = [vectors[a], vectors[b]]
        return x && x.length === y?.length ? x.reduce((sum, value, i) => sum + value * y[i]!, 0) : 0
      }
      const relevance = candidates.map((candidate) => candidate.relevance)
      return chooseVaried(relevance, similarity, rule, wanted)
    },
  }
  return engine
}
