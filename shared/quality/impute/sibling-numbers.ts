/**
 * @file Numbers that an item lacks and its siblings agree in: the voltage of a brand's lamps, the wheels of a kind of chair. Siblings are
 * items of one category, of one brand in a category, or of one brand and one name of the thing; the smallest such group that
 * is large enough counts.
 */
import type { Finding, Item } from '../../schema/item.ts'
import { headsOf } from '../../text/heads.ts'
import { foldText } from '../../text/normalise.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { createReservoir } from '../learn/reservoir.ts'
import { ascending, quantile } from '../outliers/student.ts'
import { finding } from '../rules.ts'

/** A value and the share of the siblings with a number that have it. */
type Agreed = { value: number; confidence: number }
export type SiblingNumbers = Record<string, Record<string, Agreed>>
type Sample = { groups: string[]; numbers: [string, number][] }

const ITEMS_MAX = 20_000
const NUMBERS_MAX = 60
const SIBLINGS_MIN = 8
const GROUPS_MAX = 3_000
/** So many of the siblings have the number, or it may be one that such items do not have. */
const PRESENT_MIN = 0.6
/** Numbers this near to the median are the same, and all but few are. */
const TOLERANCE = 0.02
/** Median absolute deviation by the median: beyond, the siblings do not agree. */
const RELATIVE_MAD_MAX = 0.01
const CONFIDENCE_MIN = 0.9
const SEED = 24

export const siblingNumbers: CatalogueRule<SiblingNumbers> = {
  name: 'sibling-numbers',
  start() {
    const samples = createReservoir<Sample>(ITEMS_MAX, SEED)
    return {
      see: (item) => samples.offer({ groups: groupsOf(item), numbers: numbersOf(item) }),
      learn: () => learnAgreed(samples.values),
    }
  },
  judge(learnt: SiblingNumbers, item: Item): Finding[] {
    const group = groupsOf(item).find((key) => Object.hasOwn(learnt, key))
    if (group === undefined) return []
    return Object.entries(learnt[group]!).flatMap(([name, { value, confidence }]) =>
      Object.hasOwn(item.attributes, name)
        ? []
        : [finding('imputed-number', `attributes.${name}`, value, { value, confidence })],
    )
  },
}

/** From the narrowest on. */
function groupsOf(item: Item): string[] {
  const brand = foldText(item.brand)
  const head = headsOf(item.title, item.brand).at(0)
  const category = item.category.length > 0 ? JSON.stringify(item.category) : null
  return [
    ...(brand !== '' && head !== undefined ? [`${brand} | ${head}`] : []),
    ...(brand !== '' && category !== null ? [`${brand} in ${category}`] : []),
    ...(category === null ? [] : [`in ${category}`]),
  ]
}

const numbersOf = (item: Item): [string, number][] =>
  Object.entries(item.attributes)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]))
    .slice(0, NUMBERS_MAX)

function learnAgreed(samples: readonly Sample[]): SiblingNumbers {
  const members = new Map<string, Sample[]>()
  for (const sample of samples)
    for (const group of sample.groups) {
      const list = members.get(group)
      if (list) list.push(sample)
      else members.set(group, [sample])
    }
  const large = [...members].filter(([, list]) => list.length >= SIBLINGS_MIN)
  large.sort(([a, first], [b, second]) => second.length - first.length || (a < b ? -1 : 1))
  // A group without agreement is kept: it is the narrowest, and what wider ones agree in is not true of it.
  return Object.fromEntries(large.slice(0, GROUPS_MAX).map(([group, list]) => [group, agreedOf(list)]))
}

function agreedOf(siblings: readonly Sample[]): Record<string, Agreed> {
  const values = new Map<string, number[]>()
  for (const { numbers } of siblings)
    for (const [name, value] of numbers) {
      const list = values.get(name)
      if (list) list.push(value)
      else values.set(name, [value])
    }
  return Object.fromEntries(
    [...values].flatMap(([name, list]): [string, Agreed][] => {
      if (list.length < SIBLINGS_MIN || list.length < PRESENT_MIN * siblings.length) return []
      const agreed = agreement(list)
      return agreed ? [[name, agreed]] : []
    }),
  )
}

function agreement(values: readonly number[]): Agreed | null {
  const value = quantile(ascending(values), 0.5)
  const distances = ascending(values.map((one) => Math.abs(one - value)))
  if (quantile(distances, 0.5) > RELATIVE_MAD_MAX * Math.abs(value)) return null
  const same = distances.filter((distance) => distance <= TOLERANCE * Math.abs(value)).length
  // Laplace's rule of succession: the next one agrees.
  const confidence = (same + 1) / (values.length + 2)
  return confidence < CONFIDENCE_MIN ? null : { value, confidence }
}
