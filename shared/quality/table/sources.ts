/**
 * @file Several sources that report on one entity: which of them to believe is learnt from how they agree, and copies
 * count less than independent reports. Which columns are the entity and the source is found in the data.
 */
import type { Detector, Evidence, Labels } from './detector.ts'
import { agreementOf, type Groups, groupingColumns, groupRows, missingCodes } from './groups.ts'
import type { Column, Table } from './table.ts'

/** Rows that an entity and a source have on average, for it to be a table of reports. */
const REPORTS_MIN = 5
/** A source says a thing of an entity once. */
const UNIQUE_MIN = 0.95
/** Agreement beyond chance within entities, and chance at most. */
const STRENGTH_MIN = 0.25
const OVERALL_MAX = 0.05
/** Less agreement than this is contradiction, more is a function with errors. */
const CONTESTED_MAX = 0.75
const ROUNDS = 8
/** A wrong report takes one of so many values. Source: n of Dong et al. */
const WRONG_VALUES = 20
const ACCURACY_START = 0.8
/** Reports at the start value that each source's accuracy is smoothed by. */
const SMOOTHING = 4
/** Claims of a source on all attributes that stand beside those on one. */
const POOLING = 50
/** Wrong claims at which a suspicion of copying is half believed. */
const SMOOTHING_OF_COPIES = 2
const ACCURACY_MIN = 0.02
const ACCURACY_MAX = 0.99
/** Confidence that a source is wrong to say nothing of what others know. */
const ABSENT = 0.95
/** Belief in a value from which on it is proposed as the repair. */
const REPAIR_BELIEF_MIN = 0.9

export const sources: Detector = {
  id: 'sources',
  source: 'truth discovery: Dong, Berti-Équille, Srivastava, PVLDB 2009; TruthFinder, Yin et al., KDD 2007',
  *find(table, labels) {
    const reports = findReports(table)
    if (reports === null) return
    const entities = table.columns[reports.entity]!
    const groups = groupRows(entities)
    const attributes = reports.attributes.map((index): Claims => {
      const column = table.columns[index]!
      const truths = knownTruths(labels, entities, index)
      return {
        column,
        index,
        entities,
        sources: table.columns[reports.source]!,
        groups,
        isAbsent: missingCodes(column),
        truths,
      }
    })
    const beliefs = discover(attributes)
    for (const [at, claims] of attributes.entries()) yield* weigh(claims, beliefs[at]!)
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

/** What an entity has one of, if its reports contradict each other somewhere: else a plain dependency says it all. */
function contestedColumns(table: Table, entity: number, source: number): number[] {
  const groups = groupRows(table.columns[entity]!)
  const strengths = table.columns.map((column, index) => {
    if (index === entity || index === source) return 0
    const { within, overall } = agreementOf(groups, column, missingCodes(column))
    return overall <= OVERALL_MAX ? (within - overall) / (1 - overall) : 0
  })
  const attributes = [...strengths.keys()].filter((index) => strengths[index]! >= STRENGTH_MIN)
  return attributes.some((index) => strengths[index]! < CONTESTED_MAX) ? attributes : []
}

function* weigh(
  { column, index, entities, isAbsent, truths }: Claims,
  beliefs: Belief[],
): Generator<Evidence> {
  const claimCounts = new Int32Array(entities.values.length)
  column.codes.forEach((code, row) => {
    if (!isAbsent[code]) claimCounts[entities.codes[row]!]!++
  })
  for (let row = 0; row < column.codes.length; row++) {
    const entity = entities.codes[row]!
    const belief = beliefs[entity]!
    if (belief.size === 0 || (claimCounts[entity]! < 2 && !truths.has(entity))) continue
    const value = column.values[column.codes[row]!]!
    const [right, sureness] = [...belief].reduce((a, b) => (b[1] > a[1] ? b : a))
    const who = truths.has(entity) ? 'a label says' : 'the sources that are believed say'
    const verdict = { detector: 'sources', confidence: 1 - (belief.get(value) ?? 0) }
    if (value === right)
      yield {
        row,
        column: index,
        verdict: { ...verdict, reason: 'agrees with the sources that are believed' },
      }
    else {
      const reason = `${who} "${right}" of "${entities.values[entity]!}"`
      const confidence = isAbsent[column.codes[row]!]
        ? Math.max(verdict.confidence, ABSENT)
        : verdict.confidence
      const repair = sureness >= REPAIR_BELIEF_MIN ? { repair: right } : {}
      yield { row, column: index, verdict: { ...verdict, confidence, reason, ...repair } }
    }
  }
}

/** The clean value of the attribute, by entity, that labelled rows give. */
function knownTruths(labels: Labels, entities: Column, attribute: number): Map<number, string> {
  const truths = new Map<number, string>()
  for (const [row, clean] of labels)
    if (clean[attribute] !== undefined) truths.set(entities.codes[row]!, clean[attribute])
  return truths
}

/** Probability of each value that is reported of an entity. */
type Belief = ReadonlyMap<string, number>

/** What is claimed of one attribute. */
type Claims = {
  column: Column
  index: number
  entities: Column
  sources: Column
  groups: Groups
  isAbsent: readonly boolean[]
  truths: ReadonlyMap<number, string>
}

/**
 * Beliefs by attribute and entity. A source is as accurate as its claims are believed; its accuracy on one attribute
 * leans on that on all of them.
 */
function discover(attributes: readonly Claims[]): Belief[][] {
  const count = attributes[0]!.sources.values.length
  let accuracies: Float64Array[] = attributes.map(() => new Float64Array(count).fill(ACCURACY_START))
  let copies: Float64Array[] = attributes.map(() => new Float64Array(count * count))
  let beliefs: Belief[][] = []
  for (let round = 0; round < ROUNDS; round++) {
    beliefs = attributes.map((claims, at) => believeAll(claims, accuracies[at]!, copies[at]!))
    const tallies = attributes.map((claims, at) => tally(claims, beliefs[at]!))
    const pooled = Float64Array.from({ length: count }, (_, source) => {
      const right = tallies.reduce((sum, one) => sum + one.right[source]!, 0)
      const made = tallies.reduce((sum, one) => sum + one.made[source]!, 0)
      return (right + SMOOTHING * ACCURACY_START) / (made + SMOOTHING)
    })
    accuracies = tallies.map(({ right, made }) =>
      right.map((sum, source) => (sum + POOLING * pooled[source]!) / (made[source]! + POOLING)),
    )
    copies = attributes.map((claims, at) => findCopies(claims, beliefs[at]!))
  }
  return beliefs
}

const rowsOfEntity = ({ rows, starts }: Groups, entity: number) =>
  rows.subarray(starts[entity]!, starts[entity + 1]!)

/** For each source: its claims of the attribute, and how many of them are believed. */
function tally({ column, entities, sources, isAbsent }: Claims, beliefs: readonly Belief[]) {
  const right = new Float64Array(sources.values.length)
  const made = new Float64Array(sources.values.length)
  column.codes.forEach((code, row) => {
    if (isAbsent[code]) return
    const source = sources.codes[row]!
    right[source]! += beliefs[entities.codes[row]!]!.get(column.values[code]!) ?? 0
    made[source]!++
  })
  return { right, made }
}

function believeAll(claims: Claims, accuracies: Float64Array, copies: Float64Array): Belief[] {
  const { column, sources, groups, isAbsent, truths } = claims
  return Array.from({ length: groups.starts.length - 1 }, (_, entity) => {
    const truth = truths.get(entity)
    if (truth !== undefined) return new Map([[truth, 1]])
    const claimants = new Map<string, number[]>()
    for (const row of rowsOfEntity(groups, entity)) {
      const code = column.codes[row]!
      if (isAbsent[code]) continue
      const value = column.values[code]!
      const list = claimants.get(value) ?? claimants.set(value, []).get(value)!
      list.push(sources.codes[row]!)
    }
    return believe(claimants, accuracies, copies)
  })
}

/** Each independent claim votes with its log-odds; of claims that may be copies, the most accurate source's counts whole. */
function believe(
  claimants: ReadonlyMap<string, number[]>,
  accuracies: Float64Array,
  copies: Float64Array,
): Belief {
  const votes = [...claimants].map(([value, list]) => {
    const best = list.sort((a, b) => accuracies[b]! - accuracies[a]! || a - b)
    const vote = best.reduce((sum, source, at) => {
      const accuracy = Math.min(ACCURACY_MAX, Math.max(ACCURACY_MIN, accuracies[source]!))
      let own = 1
      for (let before = 0; before < at; before++)
        own *= 1 - copies[source * accuracies.length + best[before]!]!
      return sum + own * Math.log((accuracy * WRONG_VALUES) / (1 - accuracy))
    }, 0)
    return [value, vote] as const
  })
  const most = Math.max(...votes.map(([, vote]) => vote))
  const total = votes.reduce((sum, [, vote]) => sum + Math.exp(vote - most), 0)
  return new Map(votes.map(([value, vote]) => [value, Math.exp(vote - most) / total]))
}

/** How far one source repeats another: of what either has wrong, the share that both have wrong alike. */
function findCopies({ column, sources, groups, isAbsent }: Claims, beliefs: readonly Belief[]): Float64Array {
  const count = sources.values.length
  const alike = new Float64Array(count * count)
  const either = new Float64Array(count * count).fill(SMOOTHING_OF_COPIES)
  for (let entity = 0; entity + 1 < groups.starts.length; entity++) {
    const rows = rowsOfEntity(groups, entity).filter((row) => !isAbsent[column.codes[row]!])
    const wrong = Array.from(
      rows,
      (row) => 1 - (beliefs[entity]!.get(column.values[column.codes[row]!]!) ?? 0),
    )
    rows.forEach((left, i) => {
      rows.forEach((right, j) => {
        if (i === j) return
        const pair = sources.codes[left]! * count + sources.codes[right]!
        either[pair]! += Math.max(wrong[i]!, wrong[j]!)
        if (column.codes[left] === column.codes[right]) alike[pair]! += wrong[i]!
      })
    })
  }
  return alike.map((sum, pair) => sum / either[pair]!)
}
