import { describe, expect, it } from 'vitest'
import { type FieldValue, type Finding, Item } from '../schema/item.ts'
import { assessItem } from './assess.ts'
import { isolated, judgeBy } from './item-rule.ts'
import {
  isApplied,
  type Judged,
  keepApplied,
  keepUndone,
  readField,
  repairItem,
  undoRepair,
  withField,
} from './repair.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const item = (patch: Partial<Item> = {}) => Item.parse({ id: 'a', title: 'Desk lamp', price: 5, ...patch })
const rule = (name: string, field: string, value?: FieldValue, confidence = 1): Finding => ({
  ...{ rule: name, severity: 'warn', field, message: '' },
  ...(value === undefined ? {} : { repair: { value, confidence } }),
})
/** A rule that wants a title to be one thing. */
const wants = (name: string, title: string, confidence?: number) => (one: Item) =>
  one.title === title ? [] : [rule(name, 'title', title, confidence)]

describe('a repair', () => {
  it('that is sure enough is applied, with what was there before', () => {
    const { item: repaired, findings } = repairItem(item(), wants('r', 'Lamp'))
    expect(repaired.title).toBe('Lamp')
    expect(findings).toEqual([
      { ...rule('r', 'title'), repair: { value: 'Lamp', confidence: 1, original: 'Desk lamp' } },
    ])
  })
  it.each([
    ['is not sure enough', wants('r', 'Lamp', 0.89)],
    ['does not fit the field', wants('r', '')],
    ['does not cure its own finding', () => [rule('r', 'title', 'Lamp')]],
    [
      'makes another rule fail',
      (one: Item) => [...wants('r', 'Lamp')(one), ...(one.title === 'Lamp' ? [rule('s', 'title')] : [])],
    ],
    ['is of the id', () => [rule('r', 'id', 'b')]],
  ])('that %s stays a proposal', (_name, judge) => {
    const { item: repaired, findings } = repairItem(item(), judge)
    expect(repaired).toEqual(item())
    expect(findings.some(isApplied)).toBe(false)
    expect(findings).toEqual(judge(item()))
  })
  it('does not go back and forth between two rules that want opposite things', () => {
    const judge = (one: Item) => [...wants('r', 'A')(one), ...wants('s', 'B')(one)]
    const once = repairItem(item(), judge)
    // The first cures its finding; then the second would bring it back.
    expect(once.item.title).toBe('A')
    expect(repairItem(once.item, judge).item).toEqual(once.item)
  })
  it('can be of an attribute, and take it away', () => {
    const judge = (one: Item) => (one.attributes['x'] === undefined ? [] : [rule('r', 'attributes.x', null)])
    const { item: repaired, findings } = repairItem(item({ attributes: { x: 1, y: 2 } }), judge)
    expect(repaired.attributes).toEqual({ y: 2 })
    expect(findings[0]!.repair!.original).toBe(1)
  })
})

describe('taking a repair back', () => {
  const repaired = (): Judged => repairItem(item({ brand: 'x' }), wants('r', 'Lamp'))
  it('gives the field what it held', () => {
    const undone = undoRepair(repaired(), { rule: 'r', field: 'title' })
    if (!undone.ok) throw new Error(undone.error)
    expect(undone.value.item).toEqual(item({ brand: 'x' }))
    expect(undone.value.findings[0]!.repair).toMatchObject({ value: 'Lamp', undone: true })
    expect(undoRepair(undone.value, { rule: 'r', field: 'title' })).toEqual({
      ok: false,
      error: 'no-such-repair',
    })
  })
  it('takes later repairs of the same field with it, because they stood on it', () => {
    const judge = (one: Item) =>
      one.title === 'Desk lamp'
        ? [rule('r', 'title', 'Lamp!')]
        : one.title === 'Lamp!'
          ? [rule('s', 'title', 'Lamp')]
          : []
    // Two steps: the second rule speaks only once the first has repaired, so it is applied by hand.
    const first = {
      item: item({ title: 'Lamp!' }),
      findings: [{ ...rule('r', 'title'), repair: { value: 'Lamp!', confidence: 1, original: 'Desk lamp' } }],
    }
    const second = repairItem(first.item, judge)
    const undone = undoRepair(
      { item: second.item, findings: [...first.findings, ...second.findings] },
      { rule: 'r', field: 'title' },
    )
    if (!undone.ok) throw new Error(undone.error)
    expect(undone.value.item.title).toBe('Desk lamp')
    expect(undone.value.findings.every(({ repair }) => repair?.undone)).toBe(true)
  })
  it('lasts when the same value is given again, and not when another is', () => {
    const undone = undoRepair(repaired(), { rule: 'r', field: 'title' })
    if (!undone.ok) throw new Error(undone.error)
    const known = undone.value.findings
    expect(keepUndone(repaired(), known).item.title).toBe('Desk lamp')
    const other = repairItem(item({ title: 'Floor lamp' }), wants('r', 'Lamp'))
    expect(keepUndone(other, known).item.title).toBe('Lamp')
  })
  it('is still possible after a change of another field', () => {
    const stored = repaired()
    const changed = { ...stored.item, price: 9 }
    expect(keepApplied({ item: changed, findings: [] }, stored).findings).toEqual(stored.findings)
    const retitled = { ...stored.item, title: 'Torch' }
    expect(keepApplied({ item: retitled, findings: [] }, stored).findings).toEqual([])
  })
})

describe('mending on the way in', () => {
  it.each([
    ['html-removed', { title: '<b>Desk</b> lamp' }, 'title', 'Desk lamp'],
    ['html-removed', { attributes: { a: '<i>x</i>' } }, 'attributes.a', 'x'],
    ['control-characters', { description: 'a\u0001b' }, 'description', 'ab'],
    ['brand-casing', { brand: 'SAMSUNG' }, 'brand', 'Samsung'],
    ['currency-conflict', { price: '5 €', currency: 'USD' }, 'currency', 'EUR'],
    ['title-decorated', { title: '*** Desk lamp ***' }, 'title', 'Desk lamp'],
    ['mixed-script-word', { title: 'Ѕony lamp' }, 'title', 'Sony lamp'],
  ])('%s is on record and can be undone', (name, patch: Record<string, unknown>, field, value) => {
    const raw = { id: 'a', title: 'Desk lamp', price: 5, ...patch }
    const { item: clean, findings } = assessItem(raw, NOW)
    expect(readField(clean!, field)).toBe(value)
    const undone = undoRepair({ item: clean!, findings }, { rule: name, field })
    if (!undone.ok) throw new Error(undone.error)
    const original = field.startsWith('attributes.') ? '<i>x</i>' : patch[field]
    expect(readField(undone.value.item, field)).toBe(original)
    expect(Item.safeParse(undone.value.item).success).toBe(true)
  })
})

describe('one field of an item', () => {
  it('takes what fits it and nothing else', () => {
    expect(withField(item(), 'price', -1)).toBeNull()
    expect(withField(item(), 'title', null)).toBeNull()
    expect(withField(item(), 'nothing', 'x')).toBeNull()
    expect(withField(item(), 'attributes.__proto__', 'x')).toBeNull()
    expect(withField(item(), 'price', null)?.price).toBeNull()
    expect(withField(item({ publishTime: '2026-01-01T00:00:00.000Z' }), 'publishTime', null)).toEqual(item())
  })
})

describe('a rule that throws', () => {
  it('is reported, and the others go on', () => {
    const broken = {
      name: 'broken',
      judge() {
        throw new Error('of its own')
      },
    }
    const findings = judgeBy([broken, { name: 'r', judge: () => [rule('r', 'title')] }], item(), NOW)
    expect(findings.map((one) => one.rule)).toEqual(['rule-failed', 'r'])
    expect(findings[0]!.evidence).toBe('broken: of its own')
    expect(isolated('ok', () => [])).toEqual([])
  })
})
