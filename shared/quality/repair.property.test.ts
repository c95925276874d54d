/** @file Laws of repair, on items that the rules have much to say about and on rules made up at random. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Finding, Item } from '../schema/item.ts'
import { cleanItem } from './clean.ts'
import { judgeBy } from './item-rule.ts'
import { ITEM_RULES } from './item-rules.ts'
import { isApplied, repairItem, undoRepair } from './repair.ts'

const SEED = 26
const NOW = Date.parse('2026-06-01T00:00:00Z')

const piece = fc.constantFrom(
  ...'*** !!! ★ ✅ --- | | | , ; lamp lamp LAMP LIGHT BRIGHT Ѕony Soпy Нike Hikе А B x 4006381333931 4006381333932 75678164125 A+++ ... # é µ 灯 灯具'.split(
    ' ',
  ),
)
const text = fc.array(piece, { minLength: 1, maxLength: 14 }).map((parts) => parts.join(' '))
const raw = fc.record(
  {
    id: fc.constant('a'),
    title: text,
    brand: text,
    description: text,
    image: fc.constantFrom('https://shop.test/no-image.png', 'https://a.de/x.jpg', '/x.html'),
    attributes: fc.record({ ean: text, GTIN: piece, colour: text }, { requiredKeys: [] }),
    expireTime: fc.constantFrom('2020-01-01', '2030-01-01'),
  },
  { requiredKeys: ['id', 'title'] },
)
const judge = (item: Item) => judgeBy(ITEM_RULES, item, NOW)
const faults = (findings: readonly Finding[]) => findings.map(({ rule, field }) => `${rule} ${field}`)
const check = <T>(arbitrary: fc.Arbitrary<T>, law: (value: T) => void) =>
  fc.assert(fc.property(arbitrary, law), { seed: SEED, numRuns: 500 })

/** Rules that each turn one value of one field into another, at random: they contradict each other freely. */
const madeUpRules = fc.array(
  fc.record({
    field: fc.constantFrom('title', 'brand', 'attributes.colour'),
    from: fc.constantFrom('a', 'b', 'c', 'd'),
    to: fc.constantFrom('a', 'b', 'c', 'd', ''),
    confidence: fc.constantFrom(0.5, 0.9, 1),
  }),
  { maxLength: 8 },
)
const judgeOf =
  (rules: { field: string; from: string; to: string; confidence: number }[]) =>
  (item: Item): Finding[] =>
    rules.flatMap(({ field, from, to, confidence }, at) => {
      const held = field === 'attributes.colour' ? item.attributes['colour'] : item[field as 'title']
      return held === from
        ? [{ rule: `r${at}`, severity: 'warn', field, message: '', repair: { value: to, confidence } }]
        : []
    })
const letters = fc.constantFrom('a', 'b', 'c', 'd')
const lettered = fc
  .record({ title: letters, brand: letters, colour: letters })
  .map(({ title, brand, colour }) => Item.parse({ id: 'i', title, brand, attributes: { colour } }))

describe('repairing by the rules of the write path', () => {
  it('twice is as good as once', () => {
    check(raw, (value) => {
      const { item } = cleanItem(value)
      if (!item) return
      const once = repairItem(item, judge)
      const twice = repairItem(once.item, judge)
      expect(twice.item).toEqual(once.item)
      expect(twice.findings.some(isApplied)).toBe(false)
    })
  })
  it('makes no rule fail that did not fail before', () => {
    check(raw, (value) => {
      const { item } = cleanItem(value)
      if (!item) return
      const before = new Set(faults(judge(item)))
      for (const fault of faults(judge(repairItem(item, judge).item))) expect(before).toContain(fault)
    })
  })
  it('leaves a clean item', () => {
    check(raw, (value) => {
      const { item } = cleanItem(value)
      if (!item) return
      const repaired = repairItem(item, judge).item
      expect(cleanItem(repaired).item).toEqual(repaired)
    })
  })
  it('can be taken back, repair by repair, to the item before', () => {
    check(raw, (value) => {
      const { item } = cleanItem(value)
      if (!item) return
      let judged = repairItem(item, judge)
      for (
        let last = judged.findings.filter(isApplied).at(-1);
        last;
        last = judged.findings.filter(isApplied).at(-1)
      ) {
        const undone = undoRepair(judged, last)
        if (!undone.ok) throw new Error(undone.error)
        judged = undone.value
      }
      expect(judged.item).toEqual(item)
    })
  })
})

describe('repairing by rules that contradict each other', () => {
  it('ends, and twice is as good as once', () => {
    check(fc.tuple(lettered, madeUpRules), ([item, rules]) => {
      const once = repairItem(item, judgeOf(rules))
      expect(repairItem(once.item, judgeOf(rules)).item).toEqual(once.item)
    })
  })
  it('makes no rule fail that did not fail before', () => {
    check(fc.tuple(lettered, madeUpRules), ([item, rules]) => {
      const before = new Set(faults(judgeOf(rules)(item)))
      for (const fault of faults(judgeOf(rules)(repairItem(item, judgeOf(rules)).item)))
        expect(before).toContain(fault)
    })
  })
})
