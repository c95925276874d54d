/**
 * @file From sequences, and texts of items where there are some, to a recommender. Two rounds: sources fitted without the events that the
 * ranker then learns to foretell, and sources fitted on all events, which the learnt ranker ranks.
 */
import { createRandom } from '../../shared/lib/random.ts'
import type { ItemText } from './item-text.ts'
import { numberLabels } from './labels.ts'
import type { ItemFacts } from './lists.ts'
import type { Sequences } from './next-item.ts'
import { countEvents } from './occurrences.ts'
import type { Recommender } from './recommender.ts'
import { textVectors } from './sasrec/text-space.ts'
import { trainSasrec } from './sasrec/train.ts'
import { fitTables, fitText, openSources, SOURCES, TEXT_TABLE } from './sources.ts'
import { type Example, type RankerOutcome, type Report, trainRanker } from './train-ranker.ts'

export type TrainOptions = {
  /** Of every item; null without a catalogue. */
  texts: readonly ItemText[] | null
  /** Sequences are sessions in the order of time: the last ones are learnt to foretell, not the last event of each. */
  sessions: boolean
  /** Time that the transformer may take, both rounds together; 0 leaves it out. */
  transformerMinutes: number
  threads: number
  seed: number
  report: Report
}
export type Trained = { recommender: Recommender; measured: RankerOutcome['measured'] }

/** Latest events of a sequence that are learnt from: one shopper's say has an end. */
const EVENTS_MAX = 500
const CANDIDATES = 100
const EXAMPLES_MAX = 25_000
/** Last sessions that the ranker learns from. */
const SESSION_SHARE = 0.1
/** Numbers of a text's vector. */
const TEXT_SIZE = 256
/** Events on items that the sequence has already, from which on shoppers are taken to come back to items. */
const REPEAT_SHARE = 0.01
/** Rank up to which an answer counts: what a shopper sees. */
const USER_DEPTH = 10
const SESSION_DEPTH = 20

export async function trainRecommender(
  given: Sequences,
  { texts, sessions, transformerMinutes, threads, seed, report }: TrainOptions,
): Promise<Trained> {
  const data = { ...given, sequences: given.sequences.map((items) => items.slice(-EVENTS_MAX)) }
  const random = createRandom(seed)
  const { past, examples } = sessions ? holdLastSessions(data) : holdLastEvents(data)
  const lists = { candidates: CANDIDATES, skipSeen: repeatShare(data) < REPEAT_SHARE }
  const labels = texts && numberLabels(texts)
  const factsOf = (of: Sequences): ItemFacts => ({ counts: countEvents(of), labels })

  report('text', 0, 1)
  const textTables = texts ? fitText(texts) : {}
  const itemVectors = texts && textVectors(texts, { size: TEXT_SIZE, seed })
  // Both rounds have it or neither: the ranker has learnt how much to trust it.
  const hasOrder = past.sequences.some(({ length }) => length > 1)
  const trainTransformer = (stage: string, of: Sequences) =>
    transformerMinutes === 0 || !hasOrder
      ? null
      : trainSasrec(of, {
          ...(itemVectors ? { itemVectors } : {}),
          ...{ seed, threads, minutes: transformerMinutes / 2 },
          onProgress: ({ step, steps }) => report(stage, step, steps),
        })
  report('sources, first', 0, 1)
  const firstTables = { ...fitTables(past), ...textTables }
  const firstTransformer = await trainTransformer('transformer, first', past)
  const fitted = { tables: firstTables, transformer: firstTransformer?.model ?? null }
  const firstSources = openSources(SOURCES, fitted, past)
  const knowsNew = (name: string) =>
    SOURCES.some((one) => one.name === name && one.kind === 'neighbours' && one.table === TEXT_TABLE)
  const { trees, measured } = await trainRanker(
    firstSources,
    factsOf(past),
    drawSome(examples, EXAMPLES_MAX, random),
    lists,
    { seed, k: sessions ? SESSION_DEPTH : USER_DEPTH, knowsNew, report },
  )
  await firstTransformer?.model.close()
  report('sources, whole', 0, 1)
  const tables = { ...fitTables(data), ...textTables }
  const transformer = await trainTransformer('transformer, whole', data)
  const recommender = { data, facts: factsOf(data), tables, transformer, sources: SOURCES, lists, trees }
  return { recommender, measured }
}

function holdLastEvents({ itemCount, sequences }: Sequences): { past: Sequences; examples: Example[] } {
  const histories = sequences.map((items) => items.subarray(0, -1))
  const examples = histories.flatMap((history, at) =>
    history.length > 0 ? [{ history, next: sequences[at]!.at(-1)! }] : [],
  )
  return { past: { itemCount, sequences: histories }, examples }
}

/** Every event but the first of the last sessions is to be foretold from those before it. */
function holdLastSessions({ itemCount, sequences }: Sequences): { past: Sequences; examples: Example[] } {
  const end = Math.floor(sequences.length * (1 - SESSION_SHARE))
  const examples = sequences
    .slice(end)
    .flatMap((items) =>
      Array.from(items.subarray(1), (next, at) => ({ history: items.subarray(0, at + 1), next })),
    )
  return { past: { itemCount, sequences: sequences.slice(0, end) }, examples }
}

function repeatShare({ sequences }: Sequences): number {
  let events = 0
  let distinct = 0
  for (const items of sequences) {
    events += items.length
    distinct += new Set(items).size
  }
  return events > 0 ? 1 - distinct / events : 0
}

/** So many of all, drawn at random, in an order drawn at random. Source: Fisher and Yates 1938. */
function drawSome<T>(all: readonly T[], count: number, random: () => number): T[] {
  const drawn = [...all]
  for (let at = drawn.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[drawn[at], drawn[other]] = [drawn[other]!, drawn[at]!]
  }
  return drawn.slice(0, count)
}
