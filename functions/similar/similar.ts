/** @file Items like one item: by its words, its vector and its category, and what is bought with it. */
import { takeBest } from '../../shared/retrieval/fusion.ts'
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { analyseQuery } from '../../shared/text/analyse.ts'
import type { Scored } from '../ranking/ranked.ts'
import type { LoadedSignals } from '../ranking/signals.ts'
import type { OverBudget, StageTimer } from '../ranking/stages.ts'

const CANDIDATES = 200
/** Shares of the score; each part is scaled to [0, 1]. An untrained model's vectors say little more than shared words. */
const WEIGHTS = {
  trained: { lexical: 0.25, vector: 0.45, category: 0.2, together: 0.1 },
  untrained: { lexical: 0.4, vector: 0.2, category: 0.3, together: 0.1 },
}
const SOLD_OUT_FACTOR = 0.5

/**
 * When the words took the whole budget of the stage, the vectors are left out.
 *
 * @returns best first, without the item itself; equal scores by item number. Null when the item is not to be found.
 */
export async function findSimilar(
  items: ItemSource,
  signals: LoadedSignals,
  itemId: string,
  limit: number,
  stages: StageTimer,
): Promise<{ ranked: Scored[]; degraded: OverBudget[] } | null> {
  stages.begin('retrieve')
  await items.load({ ids: [itemId] })
  const doc = items.docOfId(itemId)
  if (doc === undefined) return null
  const partners = signals.together.get(items.number(doc)) ?? []
  await items.load({ vectors: [doc], numbers: partners.map(([number]) => number) })
  const weights = items.manifest.model.trained ? WEIGHTS.trained : WEIGHTS.untrained
  const among = { inStock: false, excluded: new Set([doc]) }
  // A closing space: the title's last word is whole, not the beginning of one.
  const byWords = scaled(await items.matching(analyseQuery(`${items.title(doc)} `), CANDIDATES, among))
  const isLate = stages.isOver()
  const own = isLate ? null : items.vector(doc)
  const byMeaning = scaled(own ? (await items.near([own], CANDIDATES, among))[0]! : [])
  const together = new Map<number, number>()
  for (const [number, score] of partners) {
    const partner = items.docOfNumber(number)
    if (partner !== undefined && partner !== doc) together.set(partner, Math.min(1, score))
  }
  await items.load({ docs: [...byWords.keys(), ...byMeaning.keys()] })
  stages.begin('rank')
  const category = items.category(doc)
  const ranked: { doc: number; number: number; score: number; shared: number }[] = []
  for (const other of new Set([...byWords.keys(), ...byMeaning.keys(), ...together.keys()])) {
    const number = items.number(other)
    // Its shard may have fallen silent.
    if (items.docOfNumber(number) === undefined) continue
    const shared = sharedDepth(category, items.category(other))
    const score =
      weights.lexical * (byWords.get(other) ?? 0) +
      weights.vector * (byMeaning.get(other) ?? 0) +
      weights.category * shared +
      weights.together * (together.get(other) ?? 0)
    const stocked = items.stock(other) === 0 ? score * SOLD_OUT_FACTOR : score
    ranked.push({ doc: other, number, score: stocked, shared })
  }
  const best = takeBest(ranked, limit, (a, b) => a.number - b.number)
  const shown = best.map(({ doc: other, score, shared }) => {
    const reasons: string[] = []
    if (shared === 1) reasons.push(`also in ${category.at(-1)}`)
    if (byWords.has(other) || byMeaning.has(other)) reasons.push('similar description')
    if (together.has(other)) reasons.push('often bought together')
    return { doc: other, score, reasons }
  })
  return { ranked: shown, degraded: isLate ? ['retrieve-over-budget'] : [] }
}

/** Scores to (0, 1] by the best of the list. */
function scaled(matches: readonly { doc: number; score: number }[]): Map<number, number> {
  const best = matches[0]?.score ?? 1
  const worst = Math.min(0, matches.at(-1)?.score ?? 0)
  const shares = new Map<number, number>()
  for (const { doc, score } of matches) shares.set(doc, best > worst ? (score - worst) / (best - worst) : 1)
  return shares
}

/** Share of the path that two categories have in common, from the root; 1 for the same category. */
function sharedDepth(a: readonly string[], b: readonly string[]): number {
  let depth = 0
  while (depth < a.length && depth < b.length && a[depth] === b[depth]) depth++
  return a.length === 0 ? 0 : depth / Math.max(a.length, b.length)
}
