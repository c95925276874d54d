/** @file Items like one item: by its words, its vector and its category, and what is bought with it. */
import { searchLexical } from '../../shared/retrieval/lexical.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { searchVector, vectorOf } from '../../shared/retrieval/vector.ts'
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
 * @returns best first, without the item itself; equal scores by item number
 */
export function findSimilar(
  index: Index,
  signals: LoadedSignals,
  doc: number,
  limit: number,
  stages: StageTimer,
): { ranked: Scored[]; degraded: OverBudget[] } {
  stages.begin('retrieve')
  const weights = index.manifest.model.trained ? WEIGHTS.trained : WEIGHTS.untrained
  const accept = (other: number) => other !== doc
  // A closing space: the title's last word is whole, not the beginning of one.
  const byWords = scaled(
    searchLexical(index, analyseQuery(`${index.title(doc)} `), CANDIDATES, accept).matches,
  )
  const isLate = stages.isOver()
  const own = isLate ? null : vectorOf(index, doc)
  const byMeaning = scaled(own ? searchVector(index, own, CANDIDATES, accept) : [])
  const together = new Map<number, number>()
  for (const [number, score] of signals.together.get(index.number(doc)) ?? []) {
    const partner = index.docOfNumber(number)
    if (partner !== undefined && accept(partner)) together.set(partner, Math.min(1, score))
  }
  stages.begin('rank')
  const category = index.category(doc)
  const candidates = new Set([...byWords.keys(), ...byMeaning.keys(), ...together.keys()])
  const ranked = [...candidates].map((other) => {
    const shared = sharedDepth(category, index.category(other))
    const score =
      weights.lexical * (byWords.get(other) ?? 0) +
      weights.vector * (byMeaning.get(other) ?? 0) +
      weights.category * shared +
      weights.together * (together.get(other) ?? 0)
    const reasons = [
      ...(shared === 1 ? [`also in ${category.at(-1)}`] : []),
      ...(byWords.has(other) || byMeaning.has(other) ? ['similar description'] : []),
      ...(together.has(other) ? ['often bought together'] : []),
    ]
    return { doc: other, score: index.stock(other) === 0 ? score * SOLD_OUT_FACTOR : score, reasons }
  })
  ranked.sort((a, b) => b.score - a.score || index.number(a.doc) - index.number(b.doc))
  return { ranked: ranked.slice(0, limit), degraded: isLate ? ['retrieve-over-budget'] : [] }
}

/** Scores to (0, 1] by the best of the list. */
function scaled(matches: readonly { doc: number; score: number }[]): Map<number, number> {
  const best = matches[0]?.score ?? 1
  const worst = Math.min(0, matches.at(-1)?.score ?? 0)
  return new Map(matches.map(({ doc, score }) => [doc, best > worst ? (score - worst) / (best - worst) : 1]))
}

/** Share of the path that two categories have in common, from the root; 1 for the same category. */
function sharedDepth(a: readonly string[], b: readonly string[]): number {
  let depth = 0
  while (depth < a.length && depth < b.length && a[depth] === b[depth]) depth++
  return a.length === 0 ? 0 : depth / Math.max(a.length, b.length)
}
