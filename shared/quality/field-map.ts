/** @file Field maps: how the rows of a shop's file become the API's items. `FIELD-MAP.md` is the manual. */
import { z } from 'zod'

/**
 * A union fails with "Invalid input" and no more. This says which forms there are, or, where the value has the member
 * that marks one of them, what is wrong inside that form.
 *
 * @param marks the member that marks each form of the union, in its order; '' for a form that is no object
 */
const explain =
  (forms: string, marks: readonly string[]) =>
  ({ input, errors }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string => {
    const isObject = typeof input === 'object' && input !== null
    const faults = errors[marks.findIndex((mark) => isObject && Object.hasOwn(input, mark))]
    if (!faults) return `expected ${forms}`
    return faults
      .map(({ path, message }) => [...path.map((key) => `"${String(key)}"`), message].join(': '))
      .join('; ')
  }

const Source = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(20)], {
  error: 'expected the name of a column or a list of at most 20 names',
})

/** Rows' field(s) → one value. `from` as a list takes the first that has a value, or all of them with `join`. */
const Rule = z.union(
  [
    z.string().min(1),
    z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]) }),
    z.strictObject({
      from: Source,
      /** Values that mean "none", e.g. ["N/A", "1"]; compared as trimmed text. */
      ignore: z.array(z.string()).max(100).optional(),
      /** When all of `from` is empty. */
      default: z.union([z.string(), z.number(), z.boolean()]).optional(),
      /** Text between the values of a list, and between the fields when `from` is a list. */
      join: z.string().optional(),
      /** Separator that cuts a text into a list (a category path). */
      split: z.string().min(1).optional(),
      /** The value is a whole number of 10^-minorUnits, e.g. 2 for cents. */
      minorUnits: z.int().min(0).max(4).optional(),
    }),
  ],
  {
    error: explain('the name of a column, { "from": … } or { "constant": … }', [
      '',
      'constant',
      'from',
    ]) as z.core.$ZodErrorMap,
  },
)
type Rule = z.infer<typeof Rule>

const Kind = z.enum(['text', 'number', 'boolean'])
const AttributeRule = z.union(
  [
    z.strictObject({
      from: z.string().min(1),
      name: z.string().min(1).max(200).optional(),
      as: Kind.optional(),
      split: z.string().min(1).optional(),
      join: z.string().optional(),
    }),
    z.strictObject({
      /** Every field whose name starts so becomes an attribute named by the rest. */
      prefix: z.string(),
      as: Kind.optional(),
      except: z.array(z.string()).max(1_000).optional(),
    }),
  ],
  { error: explain('{ "from": … } or { "prefix": … }', ['from', 'prefix']) as z.core.$ZodErrorMap },
)
type AttributeRule = z.infer<typeof AttributeRule>

const Fields = z
  .strictObject({
    id: Rule.optional(),
    title: Rule.optional(),
    description: Rule.optional(),
    brand: Rule.optional(),
    category: Rule.optional(),
    price: Rule.optional(),
    currency: Rule.optional(),
    stock: Rule.optional(),
    image: Rule.optional(),
    url: Rule.optional(),
    availableTime: Rule.optional(),
    expireTime: Rule.optional(),
    publishTime: Rule.optional(),
    variantOf: Rule.optional(),
  })
  .check(({ value, issues }) => {
    for (const field of ['id', 'title'] as const)
      if (value[field] === undefined && !isOwnForm(value))
        issues.push({
          code: 'custom',
          input: value,
          path: [field],
          message: 'must be given; only where "fields" is empty the file has the names of Aisle itself',
        })
  })
const FIELD_NAMES = Object.keys(Fields.shape)

export const FieldMap = z.strictObject({
  /** For people; not used. */
  note: z.string().optional(),
  /** Empty: the rows already have these names, and `attributes` beside them. */
  fields: Fields,
  /** In order; of two attributes with one name the first stays. */
  attributes: z.array(AttributeRule).max(200).default([]),
})
export type FieldMap = z.infer<typeof FieldMap>

const isOwnForm = (fields: object): boolean => Object.keys(fields).length === 0

/**
 * Apply a map to one row of a file. Pure; never throws. What does not fit (a price that is no number, say) is handed
 * on as it is, because judging it is the work of `cleanItem`. Fields without a value are left out.
 */
export function applyFieldMap(map: FieldMap, row: Record<string, unknown>): Record<string, unknown> {
  const item: Record<string, unknown> = {}
  const ownForm = isOwnForm(map.fields)
  const rules: [string, Rule | undefined][] = ownForm
    ? FIELD_NAMES.map((name) => [name, name])
    : Object.entries(map.fields)
  for (const [field, rule] of rules) {
    const value = rule === undefined ? undefined : readValue(rule, row)
    if (!isEmpty(value)) item[field] = value
  }
  const given = ownForm ? own(row, 'attributes') : undefined
  // A value that is no object is handed on, for `cleanItem` to judge.
  const isRecord = typeof given === 'object' && given !== null && !Array.isArray(given)
  const attributes = attributesOf(map.attributes, row, isRecord ? Object.entries(given) : [])
  if (attributes.size > 0) item['attributes'] = Object.fromEntries(attributes)
  else if (!isEmpty(given)) item['attributes'] = given
  return item
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (typeof value === 'string' && value.trim() === '') ||
  (Array.isArray(value) && value.length === 0)

/** Own fields only: a row must not reach `constructor` and its like. */
const own = (row: Record<string, unknown>, name: string): unknown =>
  Object.hasOwn(row, name) ? row[name] : undefined

function readValue(rule: Rule, row: Record<string, unknown>): unknown {
  if (typeof rule === 'string') return own(row, rule)
  if ('constant' in rule) return rule.constant
  const names = typeof rule.from === 'string' ? [rule.from] : rule.from
  const values = names
    .map((name) => own(row, name))
    .filter((value) => !isEmpty(value) && !(isScalar(value) && rule.ignore?.includes(String(value).trim())))
  if (values.length === 0) values.push(rule.default)
  let value = values[0]
  if (rule.join !== undefined) value = joined(values.length > 1 ? values.flat() : value, rule.join)
  if (rule.split !== undefined) value = splitText(value, rule.split)
  return rule.minorUnits === undefined ? value : fromMinorUnits(value, rule.minorUnits)
}

const isScalar = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

/** Objects and lists inside a list have no text: such a list is left as it is. */
function joined(value: unknown, separator: string): unknown {
  if (!Array.isArray(value)) return value
  const parts = value.filter((part) => !isEmpty(part))
  return parts.every(isScalar) ? parts.join(separator) : value
}

function splitText(value: unknown, separator: string): unknown {
  if (typeof value !== 'string') return value
  return value
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** A text such as "12,99" is no whole number of cents: it is marked so that it cannot pass for a price of 12.99. */
function fromMinorUnits(value: unknown, digits: number): unknown {
  const number = typeof value === 'string' && /^\s*-?\d+(?:\.0*)?\s*$/.test(value) ? Number(value) : value
  if (typeof number === 'number')
    return Number.isInteger(number) ? number / 10 ** digits : `${number} minor units`
  return typeof value === 'string' ? `${value} minor units` : value
}

function attributesOf(
  rules: readonly AttributeRule[],
  row: Record<string, unknown>,
  given: [string, unknown][],
): Map<string, unknown> {
  const attributes = new Map(given)
  const add = (name: string, value: unknown) => {
    if (name !== '' && !isEmpty(value) && !attributes.has(name)) attributes.set(name, value)
  }
  for (const rule of rules) {
    if ('from' in rule) {
      let value = own(row, rule.from)
      if (rule.split !== undefined) value = splitText(value, rule.split)
      if (rule.join !== undefined) value = joined(value, rule.join)
      add(rule.name ?? rule.from, typed(value, rule.as))
      continue
    }
    for (const name of Object.keys(row))
      if (name.startsWith(rule.prefix) && !rule.except?.includes(name))
        add(name.slice(rule.prefix.length), typed(row[name], rule.as))
  }
  return attributes
}

const YES = /^(?:true|yes|y|1)$/i
const NO = /^(?:false|no|n|0)$/i

/** CSV knows only text. A value that is not of the wished type stays as it is. */
function typed(value: unknown, as: 'text' | 'number' | 'boolean' | undefined): unknown {
  if (as === 'text') return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  if (typeof value !== 'string' || as === undefined) return value
  const text = value.trim()
  if (as === 'number')
    return /^-?\d+(?:\.\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : value
  return YES.test(text) ? true : NO.test(text) ? false : value
}
