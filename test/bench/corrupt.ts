/** @file Errors of known kinds put into a clean table, seeded: what people, spreadsheets and exports do to values. */
import type { Random } from '../../shared/lib/random.ts'

export type Rows = string[][]

type Kind = {
  name: string
  /** The damaged value; null where the kind has nothing to do. `others` are values of the column, `row` is the whole row. */
  damage(value: string, random: Random, others: readonly string[], row: readonly string[]): string | null
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!
const letter = (random: Random) => String.fromCharCode(97 + Math.floor(random() * 26))
const isNumber = (value: string) => /^-?\d+(\.\d+)?$/.test(value)

const KINDS: readonly Kind[] = [
  { name: 'typing', damage: (value, random) => (/\p{L}{3}/u.test(value) ? mistype(value, random) : null) },
  { name: 'blank', damage: (value) => (value === '' ? null : '') },
  { name: 'missing-word', damage: (value) => (value === '' ? null : 'N/A') },
  { name: 'upper-case', damage: (value) => (/[a-z]/.test(value) ? value.toUpperCase() : null) },
  {
    name: 'unit',
    damage: (value, random) => (isNumber(value) ? `${value}${pick(random, [' kg', 'kg', ' pcs'])}` : null),
  },
  {
    name: 'slip',
    damage: (value) => (isNumber(value) && Number(value) !== 0 ? String(Number(value) * 1_000) : null),
  },
  { name: 'comma', damage: (value) => (/^\d+\.\d+$/.test(value) ? value.replace('.', ',') : null) },
  {
    name: 'date-form',
    damage: (value) => {
      const date = /^(\d{4})-(\d\d)-(\d\d)$/.exec(value)
      return date && `${date[3]}.${date[2]}.${date[1]}`
    },
  },
  {
    name: 'tail',
    damage: (value, random) => (value === '' ? null : `${value}${pick(random, [' - copy', ' (old)', ' *'])}`),
  },
  { name: 'space', damage: (value) => (value === '' ? null : `${value} `) },
  { name: 'entity', damage: (value) => (/[&'"]/.test(value) ? value.replace(/[&'"]/, '&amp;') : null) },
  {
    name: 'other-value',
    damage: (value, random, others) => {
      const other = pick(random, others)
      return other === value || other === '' || value === '' ? null : other
    },
  },
  {
    name: 'other-column',
    damage: (value, random, _, row) => {
      const other = pick(random, row)
      return other === value || other === '' ? null : other
    },
  },
]

/** One edit inside a word: another letter, one left out, or two swapped. */
function mistype(value: string, random: Random): string | null {
  const places = [...value.matchAll(/\p{L}/gu)].map((match) => match.index)
  const at = pick(random, places)
  const how = random()
  const changed =
    how < 0.5
      ? value.slice(0, at) + letter(random) + value.slice(at + 1)
      : how < 0.75
        ? value.slice(0, at) + value.slice(at + 1)
        : value.slice(0, at) + (value[at + 1] ?? '') + value[at]! + value.slice(at + 2)
  return changed === value ? null : changed
}

/**
 * Two kinds of errors a column, at rates from `rate` / 2 to `rate` · 2.
 *
 * @param kept columns that stay as they are, such as the key
 * @returns the dirty rows, and the kinds by column
 */
export function corrupt(clean: Rows, random: Random, rate: number, kept: readonly number[]) {
  const width = clean[0]!.length
  const dirty = clean.map((row) => [...row])
  const kinds: string[][] = []
  for (let column = 0; column < width; column++) {
    kinds.push([])
    if (kept.includes(column)) continue
    const values = clean.map((row) => row[column]!)
    const able = KINDS.filter(({ damage }) =>
      values.slice(0, 50).some((value, at) => damage(value, random, values, clean[at]!) !== null),
    )
    for (let n = 0; n < 2 && able.length > 0; n++) {
      const kind = pick(random, able)
      const share = (rate / 2) * 4 ** random()
      kinds[column]!.push(kind.name)
      for (const [at, row] of clean.entries()) {
        if (random() >= share) continue
        const changed = kind.damage(row[column]!, random, values, row)
        if (changed !== null) dirty[at]![column] = changed
      }
    }
  }
  return { dirty, kinds }
}
