/** @file The kernels against the plain engine, on both builds: same documents, same scores, same order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadKernels } from '../../test/fixtures/kernels.ts'
import { makeVectors, randomVector, SHAPES, unit } from '../../test/fixtures/vectors.ts'
import { KERNEL_NAMES } from '../kernels/kernels.ts'
import { createRandom } from '../lib/random.ts'
import { isOpen, maskOf, type VectorEngine, type VectorRows } from './engine.ts'
import { gainBy } from './plain-diversify.ts'
import { createPlainEngine } from './plain-engine.ts'
import { createWasmEngine } from './wasm-engine.ts'

const DIMS = [4, 60, 64, 128, 192, 256, 384, 768]
const scene = fc.record({
  shape: fc.constantFrom(...SHAPES),
  dim: fc.constantFrom(...DIMS),
  /** Two segments, of any number of rows. */
  rows: fc.tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 40 })),
  limit: fc.constantFrom(1, 3, 10, 100, 500),
  /** Share of rows that may be answers. */
  open: fc.constantFrom(0, 0.02, 0.5, 1),
  seed: fc.nat(1e6),
})
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

/** The same two parts in some engines, with their masks. */
function place({ shape, dim, rows, open, seed }: Scene, engines: readonly VectorEngine[]) {
  const random = createRandom(seed)
  const parts = rows.map((count, i) => makeVectors(shape, count, dim, seed + i, i))
  const masks = rows.map((count) => maskOf(count, () => random() < open))
  const queries = Array.from({ length: 4 }, () => randomVector(random, dim))
  const targets = engines.map((engine) =>
    parts.map((part, i) => ({ part: engine.place(part), base: i === 0 ? 0 : rows[0]!, mask: masks[i]! })),
  )
  return { parts, masks, queries, targets }
}

describe.each(KERNEL_NAMES)('kernels on %s', (name) => {
  const module = loadKernels([name])

  it('find what the plain engine finds', () => {
    fc.assert(
      fc.property(scene, (one) => {
        const engines = [createWasmEngine(module), createPlainEngine()]
        const { targets, queries } = place(one, engines)
        const [found, expected] = engines.map((engine, i) =>
          engine.search(targets[i]!, queries[0]!, one.limit),
        )
        expect(found).toEqual(expected)
      }),
      { seed: 21, numRuns: 100 },
    )
  })
  it('find the same for four queries in one pass as for each alone', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: 1, max: 4 }), (one, count) => {
        const engine = createWasmEngine(module)
        const { targets, queries } = place(one, [engine])
        const some = queries.slice(0, count)
        expect(engine.searchMany(targets[0]!, some, one.limit)).toEqual(
          some.map((query) => engine.search(targets[0]!, query, one.limit)),
        )
      }),
      { seed: 22, numRuns: 40 },
    )
  })
  it('score any rows as the plain engine does, and give back the same vectors', () => {
    fc.assert(
      fc.property(scene, fc.array(fc.nat(1_000), { maxLength: 20 }), (one, picks) => {
        const engines = [createWasmEngine(module), createPlainEngine()]
        const { targets, queries } = place(one, engines)
        const rows = picks.map((pick) => pick % one.rows[0])
        const [scores, expected] = engines.map((engine, i) =>
          engine.scoresOf(targets[i]![0]!.part, rows, queries[0]!).map((x) => x + 0),
        )
        expect(scores).toEqual(expected)
        for (const row of rows.slice(0, 3)) {
          const [vector, other] = engines.map((engine, i) => engine.vectorOf(targets[i]![0]!.part, row))
          expect(vector).toEqual(other)
        }
      }),
      { seed: 23, numRuns: 30 },
    )
  })
  it('by signs first, find open rows only, with exact scores, in order, and as many as there are', () => {
    fc.assert(
      fc.property(scene, fc.constantFrom(33, 2_100, 2_500), (one, count) => {
        const rows: Scene['rows'] = [count, one.rows[1]]
        const dim = Math.min(192, one.dim)
        const engine = createWasmEngine(module, { signsFromBytes: 0 })
        const { targets, queries, parts, masks } = place({ ...one, dim, rows }, [engine])
        const found = engine.search(targets[0]!, queries[0]!, one.limit)
        const openRows = masks.reduce(
          (sum, mask, i) =>
            sum + Array.from({ length: rows[i]! }, (_, row) => isOpen(mask, row)).filter(Boolean).length,
          0,
        )
        expect(found.length).toBe(Math.min(one.limit, openRows))
        expect(new Set(found.map(({ doc }) => doc)).size).toBe(found.length)
        found.forEach(({ doc, score }, i) => {
          const at = doc < rows[0] ? 0 : 1
          const row = at === 0 ? doc : doc - rows[0]
          expect(isOpen(masks[at]!, row)).toBe(true)
          expect(score).toBe(engine.scoresOf(targets[0]![at]!.part, [row], queries[0]!)[0])
          const above = found[i - 1]
          if (above) expect(above.score).toBeGreaterThanOrEqual(score)
        })
        expect(parts[0]!.scales.length).toBe(count)
      }),
      { seed: 24, numRuns: 15 },
    )
  })
  it('by signs first, find nearly all of the nearest, also where neighbours lie beside each other', () => {
    for (const shape of ['random', 'clusters'] as const) {
      const rows = makeVectors(shape, 8_000, 128, 5)
      expect(recallBySigns(module, rows, 100)).toBeGreaterThan(shape === 'random' ? 0.8 : 0.95)
    }
  })
  it('choose by marginal relevance and by volume what the plain rule gains most by', () => {
    fc.assert(
      fc.property(
        fc.record({ shape: fc.constantFrom('random', 'clusters', 'gaps', 'equal'), seed: fc.nat(1e6) }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 70 }),
        fc.constantFrom(
          { kind: 'mmr' as const, lambda: 0.5 },
          { kind: 'mmr' as const, lambda: 1 },
          { kind: 'mmr' as const, lambda: 0 },
          { kind: 'dpp' as const, sharpness: 2 },
        ),
        ({ shape, seed }, count, wanted, rule) => {
          const random = createRandom(seed)
          const engine = createWasmEngine(module)
          const part = engine.place(makeVectors(shape as 'random', count, 64, seed))
          const candidates = Array.from({ length: count }, (_, row) => ({ part, row, relevance: random() }))
          const chosen = engine.choose(candidates, rule, wanted)
          expect(new Set(chosen).size).toBe(chosen.length)
          if (rule.kind === 'mmr') expect(chosen.length).toBe(Math.min(wanted, count))
          const vectors = candidates.map(({ row }) => engine.vectorOf(part, row))
          const similarity = (a: number, b: number) =>
            vectors[a] && vectors[b] ? vectors[a].reduce((sum, x, i) => sum + x * vectors[b]![i]!, 0) : 0
          const gainOf = gainBy(
            candidates.map(({ relevance }) => relevance),
            similarity,
            rule,
          )
          // Single precision may choose another one of two that are as good.
          chosen.forEach((choice, step) => {
            const before = chosen.slice(0, step)
            const rest = [...candidates.keys()].filter((i) => !before.includes(i))
            const best = Math.max(...rest.map((i) => gainOf(before, i)))
            expect(gainOf(before, choice)).toBeGreaterThanOrEqual(best - 1e-3 * Math.max(1, best))
          })
        },
      ),
      { seed: 25, numRuns: 25 },
    )
  })
})

/** Share of the true best `limit` that a search by signs finds, over ten queries near some of the rows. */
function recallBySigns(module: ReturnType<typeof loadKernels>, rows: VectorRows, limit: number): number {
  const random = createRandom(6)
  const count = rows.scales.length
  const [exact, fast] = [{}, { signsFromBytes: 0 }].map((options) => createWasmEngine(module, options))
  const mask = maskOf(count, () => true)
  const targetOf = (engine: VectorEngine) => [{ part: engine.place(rows), base: 0, mask }]
  const [exactTarget, fastTarget] = [targetOf(exact!), targetOf(fast!)]
  let shared = 0
  for (let i = 0; i < 10; i++) {
    const near = exact!.vectorOf(exactTarget[0]!.part, Math.floor(random() * count))!
    const noise = randomVector(random, rows.dim)
    const query = unit(near.map((x, k) => x + (0.5 * noise[k]!) / Math.sqrt(rows.dim)))
    const best = new Set(exact!.search(exactTarget, query, limit).map(({ doc }) => doc))
    shared += fast!.search(fastTarget, query, limit).filter(({ doc }) => best.has(doc)).length
  }
  return shared / (10 * limit)
}
