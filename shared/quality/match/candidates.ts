/**
 * @file Which pairs are worth a comparison: for each record the likest of the other table, found through an index of words and
 * trigrams. Trigrams find what is misspelt or written apart, words what is said in another order.
 */
import type { PairPlaces } from './context.ts'
import type { Corpus, RecordSide } from './corpus.ts'
import { trigramCosine, wordCosine } from './features.ts'

export type Candidate = PairPlaces & { likeness: number }

/** Candidates for each record of the smaller table, on average. */
export const CANDIDATES_PER_RECORD = 12
/** Records that the index hands on to an exact comparison. */
const LOOKED_AT = 60
/** Words and trigrams of more records say too little for the time they take. */
const POSTINGS_MAX = 2_000
/** Names of other things share this much by chance. */
const LIKENESS_MIN = 0.02

export type RecordIndex = {
  records: readonly RecordSide[]
  words: ReadonlyMap<number, readonly number[]>
  trigrams: ReadonlyMap<number, readonly number[]>
}

export function indexRecords(records: readonly RecordSide[]): RecordIndex {
  const postings = (listOf: (record: RecordSide) => Uint32Array) => {
    const lists = new Map<number, number[]>()
    records.forEach((record, place) => {
      for (const number of listOf(record)) {
        const list = lists.get(number)
        if (list) list.push(place)
        else lists.set(number, [place])
      }
    })
    return lists
  }
  return {
    records,
    words: postings(({ whole }) => whole.words),
    trigrams: postings(({ whole }) => whole.trigrams),
  }
}

/** How like two records are before anything else is known: the mean of four cosines, 0 to 1. */
export const likenessOf = (corpus: Corpus, a: RecordSide, b: RecordSide): number =>
  (wordCosine(corpus, a.whole, b.whole) +
    trigramCosine(corpus, a.whole, b.whole) +
    wordCosine(corpus, a.title, b.title) +
    trigramCosine(corpus, a.title, b.title)) /
  4

/**
 * The likest records of an index, likest first.
 *
 * @param self place of the record in the index, where it is in there
 * @param room f64[records], all 0; is so again afterwards
 */
export function nearest(
  corpus: Corpus,
  record: RecordSide,
  index: RecordIndex,
  count: number,
  room: Float64Array,
  self = -1,
): { place: number; likeness: number }[] {
  const met: number[] = []
  const add = (list: readonly number[] | undefined, weight: number) => {
    if (!list || list.length > POSTINGS_MAX) return
    for (const place of list) {
      if (room[place] === 0) met.push(place)
      room[place]! += weight
    }
  }
  const { whole } = record
  for (const word of whole.words)
    add(index.words.get(word), corpus.idf[word]! ** 2 / Math.max(1e-9, whole.norm))
  for (const trigram of whole.trigrams)
    add(index.trigrams.get(trigram), corpus.trigramIdf[trigram]! ** 2 / Math.max(1e-9, whole.trigramNorm))
  // Long records gather more by chance.
  const rough = met.map((place) => {
    const other = index.records[place]!.whole
    return { place, score: room[place]! / Math.sqrt(Math.max(1e-9, other.norm * other.trigramNorm)) }
  })
  for (const place of met) room[place] = 0
  return likest(rough, LOOKED_AT)
    .filter(({ place }) => place !== self)
    .map(({ place }) => ({ place, likeness: likenessOf(corpus, record, index.records[place]!) }))
    .filter(({ likeness }) => likeness >= LIKENESS_MIN)
    .sort((a, b) => b.likeness - a.likeness || a.place - b.place)
    .slice(0, count)
}

function likest<T extends { score: number; place: number }>(all: T[], count: number): T[] {
  if (all.length <= count) return all
  return all.sort((a, b) => b.score - a.score || a.place - b.place).slice(0, count)
}

/**
 * Pairs of two tables in which one is near the other, seen from either side: first those where one is the other's likest,
 * then the second likest, until there are `CANDIDATES_PER_RECORD` for each record of the smaller table.
 */
export function findCandidates(corpus: Corpus): Candidate[] {
  const isSelf = corpus.left === corpus.right
  const found = new Map<number, Candidate & { rank: number }>()
  const { left, right } = corpus
  const look = (
    records: readonly RecordSide[],
    index: RecordIndex,
    pairOf: (own: number, other: number) => PairPlaces,
  ) => {
    const room = new Float64Array(index.records.length)
    records.forEach((record, own) => {
      nearest(corpus, record, index, LOOKED_AT, room, isSelf ? own : -1).forEach(
        ({ place, likeness }, rank) => {
          const pair = pairOf(own, place)
          const key = pair.left * right.records.length + pair.right
          const known = found.get(key)
          if (known) known.rank = Math.min(known.rank, rank)
          else found.set(key, { ...pair, likeness, rank })
        },
      )
    })
  }
  const index = indexRecords(right.records)
  if (isSelf)
    look(left.records, index, (own, other) => ({ left: Math.min(own, other), right: Math.max(own, other) }))
  else {
    look(left.records, index, (own, other) => ({ left: own, right: other }))
    look(right.records, indexRecords(left.records), (own, other) => ({ left: other, right: own }))
  }
  const budget = CANDIDATES_PER_RECORD * Math.min(left.records.length, right.records.length)
  return [...found.values()]
    .sort((a, b) => a.rank - b.rank || b.likeness - a.likeness)
    .slice(0, budget)
    .map(({ left, right, likeness }) => ({ left, right, likeness }))
}
