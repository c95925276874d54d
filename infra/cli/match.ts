/** @file `aisle match`: which records of two tables, or of one, are the same thing; and which of given pairs are. */
import { writeFile } from 'node:fs/promises'
import { LABELS_MIN, learnPairs, type PairToLearn } from '../../gpu-worker/match/learn-pairs.ts'
import { linkTables } from '../../gpu-worker/match/link.ts'
import { type Candidate, findCandidates } from '../../shared/quality/match/candidates.ts'
import { readCorpus } from '../../shared/quality/match/corpus.ts'
import { canonicalOf, type Group, groupMatches } from '../../shared/quality/match/groups.ts'
import { Failure } from './failure.ts'
import {
  collectRecords,
  type LabelledIds,
  type MatchTable,
  readPairsOfIds,
  readTable,
  readWrittenPairs,
  type WrittenPair,
} from './match-files.ts'
import { createProgress } from './progress.ts'

export type MatchOptions = {
  left?: string
  right?: string
  self?: boolean
  id?: string
  pairs?: string
  train?: string
  valid?: string
  candidates?: string
  groups?: string
  out: string
  quiet?: boolean
}

export type MatchOutcome = {
  out: string
  pairs: number
  matches: number
  /** Null where nothing was learnt from labels. */
  learnt: { labels: number; f1: number; threshold: number } | null
  /** Null where the pairs were given. */
  tables: { left: number; right: number; skipped: number; candidatesPerRecord: number } | null
  /** Of one table: things that stand in it more than once. */
  groups?: number
  seconds: number
}

const SEED = 1

export async function match(options: MatchOptions): Promise<MatchOutcome> {
  const started = performance.now()
  const outcome = options.pairs === undefined ? await matchTables(options) : await matchPairs(options)
  return { ...outcome, out: options.out, seconds: Math.round((performance.now() - started) / 100) / 10 }
}

type Found = Omit<MatchOutcome, 'out' | 'seconds'>

async function matchPairs({ pairs, train, valid, out, left, right, quiet }: MatchOptions): Promise<Found> {
  if (left !== undefined || right !== undefined)
    throw new Failure('Give --pairs, or tables with --left and --right.')
  if (train === undefined) throw new Failure('--pairs needs --train: labelled pairs to learn from.')
  const asked = await readWrittenPairs(pairs!, false)
  const labelled = await readWrittenPairs(train, true)
  if (valid !== undefined) labelled.push(...(await readWrittenPairs(valid, true)))
  checkLabels(labelled, train)
  const all: WrittenPair[] = [...labelled, ...asked]
  const lefts = collectRecords(all.map((pair) => pair.left))
  const rights = collectRecords(all.map((pair) => pair.right))
  const places = all.map(
    (pair): PairToLearn => ({
      left: lefts.placeOf.get(pair.left)!,
      right: rights.placeOf.get(pair.right)!,
      label: pair.label,
    }),
  )
  const progress = createProgress('learning', quiet)
  const { scores, threshold, f1 } = learnPairs(
    readCorpus(lefts.records, rights.records),
    places,
    SEED,
    (share) => progress.update(share, 1),
  )
  progress.done()
  const said = [...scores.subarray(labelled.length)]
  await writeFile(out, said.map((score) => `${score.toFixed(6)}\t${score > threshold ? 1 : 0}\n`).join(''))
  return {
    pairs: asked.length,
    matches: said.filter((score) => score > threshold).length,
    learnt: { labels: labelled.length, f1, threshold },
    tables: null,
  }
}

function checkLabels(pairs: readonly { label: number | null }[], file: string): void {
  for (const label of [0, 1]) {
    const count = pairs.filter((pair) => pair.label === label).length
    if (count < LABELS_MIN)
      throw new Failure(
        `"${file}" has ${count} pairs with the label ${label}: at least ${LABELS_MIN} of either are needed.`,
      )
  }
}

async function matchTables(options: MatchOptions): Promise<Found> {
  const { left: leftFile, right: rightFile, self = false, id = null, train, quiet } = options
  if (leftFile === undefined || self === (rightFile !== undefined))
    throw new Failure(
      'Give two tables with --left and --right, one with --left and --self, or pairs with --pairs.',
    )
  const left = await readTable(leftFile, id)
  const right = self ? left : await readTable(rightFile!, id)
  const corpus = readCorpus(left.records, right.records)
  const candidates = findCandidates(corpus)
  if (options.candidates !== undefined) await writePairs(options.candidates, candidates, left, right)
  const progress = createProgress('matching', quiet)
  const update = (share: number) => progress.update(share, 1)
  let matches: Candidate[]
  let learnt: Found['learnt'] = null
  if (train !== undefined) {
    const pairs = labelCandidates(candidates, await readLabels(train, left, right), left, right)
    checkLabels(pairs, train)
    const { scores, threshold, f1 } = learnPairs(corpus, pairs, SEED, update)
    learnt = { labels: pairs.filter(({ label }) => label !== null).length, f1, threshold }
    // What a person has said stands.
    matches = pairs.flatMap(({ left, right, label }, at) => {
      const isMatch = label === null ? scores[at]! > threshold : label === 1
      return isMatch ? [{ left, right, likeness: label === 1 ? 1 : scores[at]! }] : []
    })
  } else {
    const { scores, matches: found } = linkTables(corpus, candidates, SEED, update)
    matches = found.map((at) => ({ ...candidates[at]!, likeness: scores[at]! }))
  }
  progress.done()
  await writePairs(options.out, matches, left, right)
  const groups = self ? groupMatches(matches) : null
  if (options.groups !== undefined) await writeGroups(options.groups, groups, left)
  const records = Math.min(left.records.length, right.records.length)
  return {
    pairs: candidates.length,
    matches: matches.length,
    learnt,
    ...(groups ? { groups: groups.length } : {}),
    tables: {
      left: left.records.length,
      right: right.records.length,
      skipped: left.skipped + (self ? 0 : right.skipped),
      candidatesPerRecord: Math.round((10 * candidates.length) / records) / 10,
    },
  }
}

async function readLabels(file: string, left: MatchTable, right: MatchTable): Promise<LabelledIds[]> {
  const [lefts, rights] = [left, right].map(({ records }) => new Set(records.map(({ id }) => id)))
  const labels = await readPairsOfIds(
    file,
    (id) => lefts!.has(id),
    (id) => rights!.has(id),
  )
  return labels.filter((pair) => lefts!.has(pair.left) && rights!.has(pair.right))
}

/**
 * Candidates and labelled pairs together. Where the file names matches alone, a candidate whose record has its match there
 * is none.
 */
function labelCandidates(
  candidates: readonly Candidate[],
  labels: readonly LabelledIds[],
  left: MatchTable,
  right: MatchTable,
): PairToLearn[] {
  const [leftPlaces, rightPlaces] = [left, right].map(
    ({ records }) => new Map(records.map(({ id }, place) => [id, place])),
  )
  const isSelf = left === right
  const keyOf = (a: number, b: number) => (isSelf && a > b ? `${b} ${a}` : `${a} ${b}`)
  const known = new Map(
    labels.map((pair) => [keyOf(leftPlaces!.get(pair.left)!, rightPlaces!.get(pair.right)!), pair.label]),
  )
  const isPositiveOnly = labels.every(({ label }) => label === 1)
  const [leftsTold, rightsTold] = [
    new Set(labels.map((pair) => pair.left)),
    new Set(labels.map((pair) => pair.right)),
  ]
  const isTold = (a: number, b: number) =>
    isPositiveOnly && (leftsTold.has(left.records[a]!.id) || rightsTold.has(right.records[b]!.id))
  const pairs = candidates.map((candidate): PairToLearn => {
    const key = keyOf(candidate.left, candidate.right)
    const label = known.get(key) ?? (isTold(candidate.left, candidate.right) ? 0 : null)
    known.delete(key)
    return { left: candidate.left, right: candidate.right, label }
  })
  for (const [key, label] of known) {
    const [a, b] = key.split(' ').map(Number)
    pairs.push({ left: a!, right: b!, label })
  }
  return pairs
}

/** A line for each record that is not alone; `canonical` is 1 for the one that the others would be merged into. */
async function writeGroups(file: string, groups: Group[] | null, { records }: MatchTable): Promise<void> {
  if (!groups) throw new Failure('--groups is for duplicates within one table: give --left and --self.')
  const characters = (place: number) =>
    [...records[place]!.values.values()].reduce((sum, value) => sum + value.length, 0)
  const lines = groups.flatMap((group, number) => {
    const canonical = canonicalOf(group, characters)
    return group.members.map(
      (place) =>
        `${number},${quote(records[place]!.id)},${place === canonical ? 1 : 0},${group.cohesion.toFixed(4)}\n`,
    )
  })
  await writeFile(file, `group,id,canonical,cohesion\n${lines.join('')}`)
}

const writePairs = (file: string, pairs: readonly Candidate[], left: MatchTable, right: MatchTable) =>
  writeFile(
    file,
    `left_id,right_id,score\n${[...pairs]
      .sort((a, b) => b.likeness - a.likeness)
      .map((pair) =>
        [left.records[pair.left]!.id, right.records[pair.right]!.id]
          .map(quote)
          .concat(`${pair.likeness.toFixed(6)}\n`)
          .join(','),
      )
      .join('')}`,
  )

/** Source: RFC 4180. */
const quote = (field: string): string => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

export function renderMatch({ out, pairs, matches, learnt, tables, groups, seconds }: MatchOutcome): string {
  return [
    ...(tables
      ? [
          `${tables.left} and ${tables.right} records (${tables.skipped} rows left out), ${tables.candidatesPerRecord} candidates a record`,
        ]
      : []),
    ...(learnt
      ? [`learnt from ${learnt.labels} labelled pairs, F1 ${learnt.f1.toFixed(4)} on those held out by turns`]
      : []),
    `${matches} matches of ${pairs} pairs in ${out}, ${seconds} s`,
    ...(groups === undefined ? [] : [`${groups} things stand in the table more than once`]),
  ].join('\n')
}
