/** @file A column that is put together from others of its row ("al" and "pn-2" as "al_pn-2"). A cell that is not is suspected. */
import type { Detector, Evidence } from './detector.ts'
import { type Table, valueAt } from './table.ts'
import { isMissing } from './values.ts'

/** The recipe must make this many of the cells exactly. */
const SHARE_MIN = 0.8
const SAMPLE_ROWS = 200
const PARTS_MAX = 4
const PART_CHARS_MIN = 2
/** A wider table is not searched for recipes. */
const COLUMNS_MAX = 100

/** Columns and the text between them, in order. */
type Recipe = (number | string)[]

export const composed: Detector = {
  id: 'composed',
  source: 'string transformations by example: Gulwani, FlashFill, POPL 2011',
  *find(table) {
    if (table.columns.length > COLUMNS_MAX || table.rowCount < 20) return
    for (const [index, column] of table.columns.entries()) {
      if (column.values.length < 3) continue
      const recipe = findRecipe(table, index)
      if (recipe) yield* check(table, index, recipe)
    }
  },
}

function findRecipe(table: Table, target: number): Recipe | null {
  const step = Math.max(1, Math.floor(table.rowCount / SAMPLE_ROWS))
  const counts = new Map<string, { recipe: Recipe; count: number }>()
  let sampled = 0
  for (let row = 0; row < table.rowCount; row += step) {
    const value = valueAt(table.columns[target]!, row)
    if (isMissing(value)) continue
    sampled++
    const recipe = recipeOf(table, target, row, value)
    if (recipe === null) continue
    const key = JSON.stringify(recipe)
    const known = counts.get(key)
    if (known) known.count++
    else counts.set(key, { recipe, count: 1 })
  }
  const best = [...counts.values()].reduce((a, b) => (b.count > a.count ? b : a), {
    recipe: [] as Recipe,
    count: 0,
  })
  return sampled > 10 && best.count >= SHARE_MIN * sampled ? best.recipe : null
}

/** The longest other value of the row at each place; what is left must be marks between the parts. */
function recipeOf(table: Table, target: number, row: number, value: string): Recipe | null {
  const recipe: Recipe = []
  let between = ''
  for (let at = 0; at < value.length; ) {
    const part = longestPart(table, target, row, value, at)
    if (part === null) {
      if (/[\p{L}\p{N}]/u.test(value[at]!)) return null
      between += value[at++]
      continue
    }
    if (between) recipe.push(between)
    between = ''
    recipe.push(part)
    at += valueAt(table.columns[part]!, row).length
  }
  if (between) recipe.push(between)
  const parts = recipe.filter((part) => typeof part === 'number').length
  return parts >= 2 && parts <= PARTS_MAX ? recipe : null
}

function longestPart(table: Table, target: number, row: number, value: string, at: number): number | null {
  let best: number | null = null
  let chars = PART_CHARS_MIN - 1
  for (const [index, column] of table.columns.entries()) {
    const part = valueAt(column, row)
    if (index === target || part.length <= chars || !value.startsWith(part, at)) continue
    best = index
    chars = part.length
  }
  return best
}

function* check(table: Table, target: number, recipe: Recipe): Generator<Evidence> {
  const name = recipe
    .map((part) => (typeof part === 'number' ? `{${table.columns[part]!.name}}` : part))
    .join('')
  const parts = recipe.filter((part) => typeof part === 'number')
  for (let row = 0; row < table.rowCount; row++) {
    const value = valueAt(table.columns[target]!, row)
    const made = recipe
      .map((part) => (typeof part === 'number' ? valueAt(table.columns[part]!, row) : part))
      .join('')
    if (value === made) {
      // Two columns that spell a value alike are seldom both wrong.
      for (const column of [target, ...parts])
        yield { row, column, verdict: { detector: 'composed', confidence: 0.0005, reason: `is ${name}` } }
    } else if (!parts.some((part) => isMissing(valueAt(table.columns[part]!, row)))) {
      // The fault may as well lie in a part; other evidence on it decides.
      const verdict = { detector: 'composed', confidence: 0.5, reason: `is not ${name}`, repair: made }
      yield { row, column: target, verdict }
    }
  }
}
