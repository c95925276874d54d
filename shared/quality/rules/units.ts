/** @file One attribute, one unit: "15 cm" beside "150 mm" cannot be filtered, sorted or compared. */
import type { Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { percentOf, type Usual, usualOf } from './shares.ts'

const OTHER_UNIT: RuleText = {
  name: 'unusual-unit',
  severity: 'info',
  message: 'The value is in another unit than nearly all values of this attribute in the category.',
}
const OTHER_KIND: RuleText = {
  name: 'wrong-unit',
  severity: 'warn',
  message: 'The unit measures something else than nearly all values of this attribute in the category.',
}
const VALUES_MIN = 10
const SHARE_MIN = 0.8
const PAIRS_MAX = 50_000
const UNITS_PER_PAIR_MAX = 20
/** The arithmetic is exact; that the unit itself was meant is nearly so. */
const CONFIDENCE = 0.95

type Dimension = 'length' | 'mass' | 'volume' | 'time' | 'power' | 'frequency' | 'bytes' | 'voltage'
/** Unit, lower case → what it measures, and how many of the base unit it is. */
const UNITS: Record<string, [Dimension, number]> = Object.assign(Object.create(null), {
  ...{ mm: ['length', 1e-3], cm: ['length', 1e-2], m: ['length', 1], km: ['length', 1e3] },
  ...{ in: ['length', 0.0254], '"': ['length', 0.0254], ft: ['length', 0.3048] },
  ...{
    mg: ['mass', 1e-6],
    g: ['mass', 1e-3],
    kg: ['mass', 1],
    lb: ['mass', 0.45359237],
    oz: ['mass', 0.028349523125],
  },
  ...{ ml: ['volume', 1e-3], cl: ['volume', 1e-2], l: ['volume', 1] },
  ...{ ms: ['time', 1e-3], s: ['time', 1], min: ['time', 60], h: ['time', 3_600] },
  ...{ w: ['power', 1], kw: ['power', 1e3], hz: ['frequency', 1], khz: ['frequency', 1e3] },
  ...{ mhz: ['frequency', 1e6], ghz: ['frequency', 1e9], v: ['voltage', 1], kv: ['voltage', 1e3] },
  ...{ kb: ['bytes', 1e3], mb: ['bytes', 1e6], gb: ['bytes', 1e9], tb: ['bytes', 1e12] },
})
/** A number and a unit, nothing else. A comma before three digits may group thousands: such a value is left alone. */
const MEASURE = /^(-?\d{1,9}(?:\.\d{1,6}|,\d{1,2})?) ?([a-z]{1,3}|")\.?$/i

type Measure = { value: number; unit: string; dimension: Dimension; factor: number }

function measureOf(value: unknown): Measure | null {
  if (typeof value !== 'string' || value.length > 24) return null
  const [, digits, spelling] = MEASURE.exec(value) ?? []
  const unit = spelling?.toLowerCase() ?? ''
  const known = UNITS[unit]
  return known
    ? { value: Number(digits!.replace(',', '.')), unit, dimension: known[0], factor: known[1] }
    : null
}

/** `category attribute` → the usual unit. */
type Learnt = Record<string, Usual<string>>

export const unitsRule: CatalogueRule<Learnt> = {
  name: 'units',
  start() {
    const pairs = new Map<string, Map<string, number>>()
    return {
      see(item) {
        for (const [name, value] of Object.entries(item.attributes)) {
          const measure = measureOf(value)
          if (!measure) continue
          const key = keyOf(item, name)
          let units = pairs.get(key)
          if (!units) {
            if (pairs.size === PAIRS_MAX) continue
            units = new Map()
            pairs.set(key, units)
          }
          if (units.has(measure.unit) || units.size < UNITS_PER_PAIR_MAX)
            units.set(measure.unit, (units.get(measure.unit) ?? 0) + 1)
        }
      },
      learn() {
        const learnt: Learnt = {}
        for (const [key, units] of pairs) {
          const usual = usualOf(units, VALUES_MIN, SHARE_MIN)
          if (usual) learnt[key] = usual
        }
        return learnt
      },
    }
  },
  judge(learnt, item) {
    return Object.entries(item.attributes).flatMap(([name, value]) => {
      const measure = measureOf(value)
      const key = measure ? keyOf(item, name) : ''
      if (!measure || !Object.hasOwn(learnt, key)) return []
      const usual = learnt[key]!
      if (usual.value === measure.unit) return []
      const [dimension, factor] = UNITS[usual.value]!
      const evidence = `${value}; ${percentOf(usual)} values are in ${usual.value}`
      if (dimension !== measure.dimension) return [findingOf(OTHER_KIND, `attributes.${name}`, evidence)]
      const converted = Number(((measure.value * measure.factor) / factor).toPrecision(6))
      return [
        findingOf(OTHER_UNIT, `attributes.${name}`, evidence, {
          value: `${converted} ${usual.value}`,
          confidence: CONFIDENCE,
        }),
      ]
    })
  },
}

const keyOf = ({ category }: Item, name: string): string => `${category.at(-1) ?? ''}\n${name}`
