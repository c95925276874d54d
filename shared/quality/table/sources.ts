/**
 * @file Several sources that report on one entity: which of them to believe is learnt from how they agree, and copies
 * count less than independent reports. Which columns are the entity and the source is found in the data.
 */
import { type Detector, type Evidence, type Labels } from './detector.ts'
import { agreementOf, groupRows, groupingColumns, missingCodes } from './groups.ts'
import { type Column, type Table } from './table.ts'

/** Rows that an entity and a source have on average, for it to be a table of reports. */
const REPORTS_MIN = 5
/** A source says a thing of an entity once. */
const UNIQUE_MIN = 0.95
/** Agreement beyond chance within entities, and chance at most. */
const STRENGTH_MIN = 0.25
const OVERALL_MAX = 0.05
const ROUNDS = 8
/** A wrong report takes one of so many values. Source: n of Dong et al. */
const WRONG_VALUES = 20
const ACCURACY_START = 0.8
/** Reports at the start value that each source's accuracy is smoothed by. */
const SMOOTHING = 4

export const sources: Detector = {
  id: 'sources',
  source: 'truth discovery: Dong, Berti-Équille, Srivastava, PVLDB 2009; TruthFinder, Yin et al., KDD 2007',
  *find(table, labels) {
    const reports = findReports(table)
    if (reports === null) return
    for (const attribute of reports.attributes) yield* weigh(table, reports, attribute, labels)
  },
}

export type Reports = { entity: number; source: number; attributes: number[] }

/** The columns of entity and source, and what is reported; null where the table is none of reports. */
export function findReports(table: Table): Reports | null {
  const candidates = groupingColumns(table).filter(
    (index) => table.rowCount / table.columns[index]!.values.length >= REPORTS_MIN,
  )
  let best: (Reports & { distinct: number }) | null = null
  for (const entity of candidates)
    for (const source of candidates) {
      const distinct = table.columns[entity]!.values.length
      if (entity === source || (best && distinct <= best.distinct)) continue
      if (uniqueShare(table.columns[entity]!, table.columns[source]!) < UNIQUE_MIN) continue
      const attributes = contestedColumns(table, entity, source)
      if (attributes.length > 0) best = { entity, source, attributes, distinct }
    }
  return best
}

function uniqueShare(left: Column, right: Column): number {
  const seen = new Set<number>()
  for (let row = 0; row < left.codes.length; row++)
    seen.add(left.codes[row]! * right.values.length + right.codes[row]!)
  return seen.size / left.codes.length
}

/** What an entity has one of, though its reports may differ. */
function contestedColumns(table: Table, entity: number, source: number): number[] {
  const groups = groupRows(table.columns[entity]!)
  return [...table.columns.keys()].filter((index) => {
    if (index === entity || index === source) return false
    const column = table.columns[index]!
    const { within, overall } = agreementOf(groups, column, missingCodes(column))
    return overall <= OVERALL_MAX && (within - overall) / (1 - overall) >= STRENGTH_MIN
  })
}

function* weigh(table: Table, reports: Reports, attribute: number, labels: Labels): Generator<Evidence> {
  const column = table.columns[attribute]!
  const entities = table.columns[reports.entity]!
  const isAbsent = missingCodes(column)
  const groups = groupRows(entities)
  const truths = knownTruths(labels, entities, attribute)
  const beliefs = discover(column, groups, table.columns[reports.source]!, isAbsent, truths)
  for (let row = 0; row < table.rowCount; row++) {
    const entity = entities.codes[row]!
    const belief = beliefs[entity]
    if (belief === undefined || belief.size === 0) continue
    const value = column.values[column.codes[row]!]!
    const [right, sureness] = [...belief].reduce((a, b) => (b[1] > a[1] ? b : a))
    const own = belief.get(value) ?? 0
    const isKnown = truths.has(entity)
    const absent = isAbsent[column.codes[row]!] && !isKnown
    const reason =
      value === right
        ? 'agrees with the sources that are believed'
        : `${isKnown ? 'a label says' : 'the sources that are believed say'} "${right}" of "${entities.values[entity]!}"`
    const verdict = { detector: 'sources', confidence: absent ? 0.95 : 1 - own, reason }
    yield {
      row,
      column: attribute,
      verdict: value === right ? verdict : { ...verdict, repair: right },
    }
    void sureness
  }
}

/** The clean value of the attribute, by entity, that labelled rows give. */
function knownTruths(labels: Labels, entities: Column, attribute: number): Map<number, string> {
  return new Map([...labels].map(([row, clean]) => [entities.codes[row]!, clean[attribute] ?? '']))
}

/** Probability of each reported value, by entity. */
function discover(
  column: Column,
  groups: { rows: Int32Array; starts: Int32Array },
  sourceColumn: Column,
  isAbsent: readonly boolean[],
  truths: ReadonlyMap<number, string>,
): Map<string, number>[] {
  const sourceCount = sourceColumn.values.length
  let accuracies = new Float64Array(sourceCount).fill(ACCURACY_START)
  let copies: Float64Array | null = null
  let beliefs: Map<string, number>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const right = new Float64Array(sourceCount).fill(SMOOTHING * ACCURACY_START)
    const made = new Float64Array(sourceCount).fill(SMOOTHING)
    beliefs = []
    for (let entity = 0; entity + 1 < groups.starts.length; entity++) {
      const rows = groups.rows.subarray(groups.starts[entity]!, groups.starts[entity + 1]!)
      const claims = new Map<string, number[]>()
      for (const row of rows) {
        const code = column.codes[row]!
        if (isAbsent[code]) continue
        const value = column.values[code]!
        const list = claims.get(value) ?? claims.set(value, []).get(value)!
        list.push(sourceColumn.codes[row]!)
      }
      const truth = truths.get(entity)
      const belief = truth === undefined ? believe(claims, accuracies, copies, sourceCount) : new Map([[truth, 1]])
      beliefs.push(belief)
      for (const [value, list] of claims)
        for (const source of list) {
          right[source]! += belief.get(value) ?? 0
          made[source]!++
        }
    }
    accuracies = right.map((sum, source) => sum / made[source]!)
    copies = findCopies(column, groups, sourceColumn, isAbsent, beliefs)
  }
  return beliefs
}

function believe(
  claims: ReadonlyMap<string, number[]>,
  accuracies: Float64Array,
  copies: Float64Array | null,
  sourceCount: number,
): Map<string, number> {
  const votes = [...claims].map(([value, list]) => {
    let vote = 0
    const sorted = [...list].sort((a, b) => accuracies[b]! - accuracies[a]! || a - b)
    sorted.forEach((source, at) => {
      const accuracy = Math.min(0.99, Math.max(0.02, accuracies[source]!))
      let own = 1
      if (copies) for (let other = 0; other < at; other++) own *= 1 - copies[source * sourceCount + sorted[other]!]!
      vote += own * Math.log((accuracy * WRONG_VALUES) / (1 - accuracy))
    })
    return [value, vote] as const
  })
  const most = Math.max(...votes.map(([, vote]) => vote))
  const total = votes.reduce((sum, [, vote]) => sum + Math.exp(vote - most), 0)
  return new Map(votes.map(([value, vote]) => [value, Math.exp(vote - most) / total]))
}

/** How far one source repeats another: of what either has wrong, the share that both have wrong alike. */
function findCopies(
  column: Column,
  groups: { rows: Int32Array; starts: Int32Array },
  sourceColumn: Column,
  isAbsent: readonly boolean[],
  beliefs: readonly Map<string, number>[],
): Float64Array {
  const count = sourceColumn.values.length
  const alike = new Float64Array(count * count)
  const either = new Float64Array(count * count).fill(2)
  for (let entity = 0; entity + 1 < groups.starts.length; entity++) {
    const rows = groups.rows.subarray(groups.starts[entity]!, groups.starts[entity + 1]!)
    const wrong = (row: number) => 1 - (beliefs[entity]!.get(column.values[column.codes[row]!]!) ?? 0)
    for (const left of rows)
      for (const right of rows) {
        const [a, b] = [sourceColumn.codes[left]!, sourceColumn.codes[right]!]
        if (a === b || isAbsent[column.codes[left]!] || isAbsent[column.codes[right]!]) continue
        const [wrongLeft, wrongRight] = [wrong(left), wrong(right)]
        either[a * count + b]! += Math.max(wrongLeft, wrongRight)
        if (column.codes[left] === column.codes[right]) alike[a * count + b]! += wrongLeft
      }
  }
  return alike.map((sum, at) => sum / either[at]!)
}
