/** @file A record of a table as the matcher sees it: columns by name, each a text. */

export type MatchRecord = { id: string; values: ReadonlyMap<string, string> }

/** Characters of a value that are looked at: a novel in one cell says no more than its beginning. */
export const VALUE_CHARS_MAX = 4_000
/** Columns that are looked at, the fullest ones: more are attributes of few records. */
export const COLUMNS_MAX = 24

const COLUMN = /(?:^|\s)COL (.{1,100}?) VAL(?: |$)/g

/**
 * A record written as `COL name VAL value COL name VAL value …`; what has no such marks is one value without a name.
 *
 * Source: the serialisation of Ditto, Li et al., PVLDB 14(1), 2020.
 */
export function parseSerialised(text: string, id: string): MatchRecord {
  const marks = [...text.matchAll(COLUMN)]
  if (marks.length === 0) return { id, values: new Map([['', text.trim().slice(0, VALUE_CHARS_MAX)]]) }
  const values = new Map<string, string>()
  marks.forEach((mark, at) => {
    const from = mark.index + mark[0].length
    const value = text.slice(from, marks[at + 1]?.index ?? text.length).trim()
    values.set(mark[1]!.trim(), value.slice(0, VALUE_CHARS_MAX))
  })
  return { id, values }
}
