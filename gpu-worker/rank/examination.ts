/**
 * @file How likely a shopper looks at a place of the list, told from clicks alone: an item at the top is clicked more often than the
 * same item further down, and what the item itself does not explain is the place.
 *
 *   p(click at k) = θ_k γ_item       θ: is looked at, γ: is wanted, θ₁ = 1
 *
 * Expectation: of an item shown at k without a click, p(looked at) = θ_k (1 − γ) / (1 − θ_k γ), p(wanted) = γ (1 − θ_k) / (1 − θ_k γ).
 * Maximisation: θ_k and γ are the means of these, with a click counting 1 for both.
 *
 * Source: position-based model, Craswell et al., WSDM 2008; its estimation by EM, Chuklin, Markov, de Rijke 2015, ch. 4.
 */
import type { Impression } from './impressions.ts'

const ROUNDS = 50
/** Places from here on share one θ: so far down there are few impressions of each. */
export const PLACES_MAX = 50
/** Looks and clicks that are added to each item and place, so that one impression says little. */
const PRIOR = { looks: 2, share: 0.5 }

/**
 * @returns θ of the places 1, 2, …, `PLACES_MAX`, in (0, 1], never above that of the place before: nobody looks at the third place
 *          who has not seen the second
 */
export function estimateExamination(
  impressions: readonly Pick<Impression, 'item' | 'position' | 'outcomes'>[],
): number[] {
  const items = new Map<string, number>()
  const rows = impressions.map(({ item, position, outcomes }) => {
    const number = items.get(item) ?? items.size
    items.set(item, number)
    return { item: number, place: Math.min(position, PLACES_MAX) - 1, clicked: outcomes.click === 1 }
  })
  const places = rows.reduce((most, { place }) => Math.max(most, place + 1), 1)
  let looked = new Float64Array(places).map((_, place) => 1 / (1 + place))
  let wanted = new Float64Array(items.size).fill(PRIOR.share)
  for (let round = 0; round < ROUNDS; round++) {
    const look = createMeans(places)
    const want = createMeans(items.size)
    for (const { item, place, clicked } of rows) {
      const [theta, gamma] = [looked[place]!, wanted[item]!]
      const not = 1 - theta * gamma
      look.add(place, clicked ? 1 : (theta * (1 - gamma)) / not)
      want.add(item, clicked ? 1 : (gamma * (1 - theta)) / not)
    }
    looked = look.means()
    wanted = want.means()
  }
  const falling = [...looked]
  for (let place = 1; place < places; place++) falling[place] = Math.min(falling[place]!, falling[place - 1]!)
  // θ and γ are known up to a factor: the first place is always looked at.
  const first = falling[0]!
  return Array.from({ length: PLACES_MAX }, (_, place) => falling[Math.min(place, places - 1)]! / first)
}

function createMeans(size: number) {
  const sums = new Float64Array(size).fill(PRIOR.looks * PRIOR.share)
  const counts = new Float64Array(size).fill(PRIOR.looks)
  return {
    add(at: number, value: number) {
      sums[at]! += value
      counts[at]!++
    },
    means: () => sums.map((sum, at) => Math.min(1 - 1e-6, Math.max(1e-6, sum / counts[at]!))),
  }
}
