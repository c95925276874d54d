/**
 * @file Repairs: apply those that are sure enough, keep what was there before, and take them back. An applied repair is a
 * finding whose `repair.original` is what the field held.
 */
import { err, ok, type Result } from '../lib/result.ts'
import {
  ATTRIBUTE_VALUE_CHARS_MAX,
  AttributeValue,
  type FieldValue,
  type Finding,
  Item,
  type Repair,
} from '../schema/item.ts'

/** A repair at least this sure is applied; the others are proposals. */
export const REPAIR_CONFIDENCE_MIN = 0.9

const ATTRIBUTE_PREFIX = 'attributes.'

export type Judged = { item: Item; findings: Finding[] }
/** Every finding on an item; pure. */
export type Judge = (item: Item) => Finding[]

export const isApplied = ({ repair }: Finding): boolean =>
  repair?.original !== undefined && repair.undone !== true

/** What the field of a finding holds; null where it holds nothing. */
export function readField(item: Item, field: string): FieldValue {
  const value = field.startsWith(ATTRIBUTE_PREFIX)
    ? Object.hasOwn(item.attributes, field.slice(ATTRIBUTE_PREFIX.length))
      ? item.attributes[field.slice(ATTRIBUTE_PREFIX.length)]
      : undefined
    : item[field as keyof Item]
  const known = AttributeValue.safeParse(value)
  return known.success ? known.data : null
}

/** The item with another value in one field; null when the value does not fit the field, or there is no such field. */
export function withField(item: Item, field: string, value: FieldValue): Item | null {
  if (field.startsWith(ATTRIBUTE_PREFIX)) {
    const name = field.slice(ATTRIBUTE_PREFIX.length)
    if (name === '__proto__' || !fitsAttribute(value)) return null
    const attributes = { ...item.attributes }
    if (value === null) delete attributes[name]
    else attributes[name] = value
    return { ...item, attributes }
  }
  if (!isRepairable(field)) return null
  const parsed = Item.shape[field].safeParse(value ?? undefined)
  if (!parsed.success) return null
  if (parsed.data !== undefined) return { ...item, [field]: parsed.data }
  const { [field]: _, ...others } = item
  return others as Item
}

/** The id says which item it is, and attributes are fields of their own. */
const isRepairable = (field: string): field is Exclude<keyof Item, 'id' | 'attributes'> =>
  Object.hasOwn(Item.shape, field) && field !== 'id' && field !== 'attributes'

const fitsAttribute = (value: FieldValue): boolean =>
  (Array.isArray(value) ? value : [value]).every(
    (part) => typeof part !== 'string' || (part.length <= ATTRIBUTE_VALUE_CHARS_MAX && part.isWellFormed()),
  )

/**
 * Apply every repair that is sure enough, cures its own finding and brings no new one. Each applied repair leaves fewer
 * findings than there were, so that this ends, no two rules undo each other's work, and doing it twice changes nothing.
 *
 * @returns the item as repaired; the applied repairs in their order, then what `judge` still finds
 */
export function repairItem(item: Item, judge: Judge): Judged {
  let current = item
  let found = judge(item)
  const applied: Finding[] = []
  for (let next = nextStep(current, found, judge); next; next = nextStep(current, found, judge)) {
    applied.push(next.applied)
    current = next.item
    found = next.found
  }
  return { item: current, findings: [...applied, ...found] }
}

const faultOf = ({ rule, field }: Finding): string => `${rule} ${field}`

function nextStep(item: Item, found: readonly Finding[], judge: Judge) {
  for (const finding of found) {
    const { repair, field } = finding
    if (!repair || repair.confidence < REPAIR_CONFIDENCE_MIN) continue
    const repaired = withField(item, field, repair.value)
    if (!repaired) continue
    const left = judge(repaired)
    const faults = new Set(found.map(faultOf))
    faults.delete(faultOf(finding))
    if (!left.every((one) => faults.has(faultOf(one)))) continue
    const applied: Finding = { ...finding, repair: { ...repair, original: readField(item, field) } }
    return { item: repaired, found: left, applied }
  }
  return null
}

export type UndoFault = 'no-such-repair' | 'does-not-fit'

/** Put back what a field held before a repair. Later repairs of the field stood on this one and go with it. */
export function undoRepair(
  { item, findings }: Judged,
  { rule, field }: Pick<Finding, 'rule' | 'field'>,
): Result<Judged, UndoFault> {
  const at = findings.findIndex((one) => one.rule === rule && one.field === field && isApplied(one))
  if (at < 0) return err('no-such-repair')
  const before = withField(item, field, findings[at]!.repair!.original!)
  if (!before) return err('does-not-fit')
  const undo = (one: Finding, index: number): Finding =>
    index >= at && one.field === field && isApplied(one)
      ? { ...one, repair: { ...(one.repair as Repair), undone: true } }
      : one
  return ok({ item: before, findings: findings.map(undo) })
}

/**
 * The shop's word lasts: a repair that it took back is taken back again when the same value is given again.
 *
 * @param known findings of the item as it is stored
 */
export function keepUndone(fresh: Judged, known: readonly Finding[]): Judged {
  return known
    .filter(({ repair }) => repair?.undone)
    .reduce((judged, { rule, field, repair }) => {
      const same = judged.findings.some(
        (one) =>
          one.rule === rule &&
          one.field === field &&
          isApplied(one) &&
          isSame(one.repair!.original, repair!.original),
      )
      const undone = same ? undoRepair(judged, { rule, field }) : null
      return undone?.ok ? undone.value : judged
    }, fresh)
}

/** Repairs of fields that a change did not touch stay on record, so that they can still be taken back. */
export function keepApplied(fresh: Judged, stored: Judged): Judged {
  const kept = stored.findings.filter(
    (one) =>
      isApplied(one) &&
      !fresh.findings.some(({ rule, field }) => rule === one.rule && field === one.field) &&
      isSame(readField(fresh.item, one.field), readField(stored.item, one.field)),
  )
  return { item: fresh.item, findings: [...kept, ...fresh.findings] }
}

const isSame = (a: FieldValue | undefined, b: FieldValue | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b)
