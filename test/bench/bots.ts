/**
 * @file How well bots are told from shoppers on simulated traffic, and what judging a large log costs.
 *
 *   node test/bench/bots.ts [--events N] [--json] [--smoke]
 *
 * Precision and recall are of accounts, and of the events that they made. The threshold is chosen on the training seeds; the test
 * seeds are only reported. A simulator it is: see test/fixtures/traffic/traffic.ts.
 */
import { parseArgs } from 'node:util'
import { renderTable } from '../../infra/cli/table.ts'
import { BOT_SCORE_MIN } from '../../shared/quality/events/bot-score.ts'
import { createEventColumns, toColumns } from '../../shared/quality/events/event-columns.ts'
import { eventQuality } from '../../shared/quality/events/event-quality.ts'
import { judgeShoppers } from '../../shared/quality/events/judge-shoppers.ts'
import { simulateTraffic, TEST_SEEDS, TRAINING_SEEDS } from '../fixtures/traffic/traffic.ts'
import { commit, machine } from './measure.ts'

/** The threshold is the lowest of these at which so many suspects of the training seeds are bots. */
const THRESHOLDS = Array.from({ length: 19 }, (_, at) => (at + 1) / 20)
const TRAINING_PRECISION = 0.97

export type BotSizes = {
  trainingSeeds: readonly number[]
  testSeeds: readonly number[]
  people: number
  events: number
}
export const SMOKE: BotSizes = { trainingSeeds: [1], testSeeds: [1_001, 1_002], people: 150, events: 10_000 }
export const FULL: BotSizes = {
  trainingSeeds: TRAINING_SEEDS,
  testSeeds: TEST_SEEDS,
  people: 800,
  events: 1_000_000,
}

type Judged = { seed: number; type: string; isBot: boolean; score: number; events: number }
export type Quality = {
  precision: number
  recall: number
  /** Of events instead of accounts. */
  eventPrecision: number
  eventRecall: number
}
export type BotReport = {
  machine: string
  commit: string
  threshold: { used: number; chosenOnTraining: number }
  training: Quality
  test: Quality
  /** Lowest of the test seeds. */
  worst: { precision: number; recall: number }
  byType: { type: string; isBot: boolean; accounts: number; suspected: number }[]
  cost: {
    events: number
    shoppers: number
    seconds: number
    columnsMb: number
    heapMb: number
    peakMb: number
  }
}

export function measureBots(sizes: BotSizes): BotReport {
  const training = judgeSeeds(sizes.trainingSeeds, sizes.people)
  const test = judgeSeeds(sizes.testSeeds, sizes.people)
  const bySeed = [...Map.groupBy(test, ({ seed }) => seed).values()].map((rows) =>
    qualityAt(rows, BOT_SCORE_MIN),
  )
  const chosen = THRESHOLDS.find(
    (threshold) => qualityAt(training, threshold).precision >= TRAINING_PRECISION,
  )
  return {
    ...{ machine: machine(), commit: commit() },
    threshold: { used: BOT_SCORE_MIN, chosenOnTraining: chosen ?? 1 },
    training: qualityAt(training, BOT_SCORE_MIN),
    test: qualityAt(test, BOT_SCORE_MIN),
    worst: {
      precision: Math.min(...bySeed.map(({ precision }) => precision)),
      recall: Math.min(...bySeed.map(({ recall }) => recall)),
    },
    byType: [...Map.groupBy(test, ({ type }) => type)]
      .map(([type, rows]) => ({
        ...{ type, isBot: rows[0]!.isBot, accounts: rows.length },
        suspected: rows.filter(({ score }) => score >= BOT_SCORE_MIN).length,
      }))
      .sort((a, b) => Number(b.isBot) - Number(a.isBot) || b.accounts - a.accounts),
    cost: measureCost(sizes.events),
  }
}

function judgeSeeds(seeds: readonly number[], people: number): Judged[] {
  return seeds.flatMap((seed) => {
    const { events, authors } = simulateTraffic(seed, people)
    const counts = new Map<string, number>()
    for (const { user } of events) counts.set(user, (counts.get(user) ?? 0) + 1)
    return judgeShoppers(toColumns(events)).map(({ user, score }) => ({
      ...{ seed, score, events: counts.get(user)! },
      ...authors.get(user)!,
    }))
  })
}

function qualityAt(rows: readonly Judged[], threshold: number): Quality {
  const suspects = rows.filter(({ score }) => score >= threshold)
  const caught = suspects.filter(({ isBot }) => isBot)
  const bots = rows.filter(({ isBot }) => isBot)
  const eventsOf = (some: readonly Judged[]) => some.reduce((sum, { events }) => sum + events, 0)
  const share = (part: number, of: number) => Math.round((of === 0 ? 1 : part / of) * 1_000) / 1_000
  return {
    precision: share(caught.length, suspects.length),
    recall: share(caught.length, bots.length),
    eventPrecision: share(eventsOf(caught), eventsOf(suspects)),
    eventRecall: share(eventsOf(caught), eventsOf(bots)),
  }
}

/** The whole report on a log of `count` events, put together from weeks of other shoppers: rules, drops and judgement. */
function measureCost(count: number): BotReport['cost'] {
  const columns = createEventColumns()
  let added = 0
  for (let seed = 5_000; added < count; seed++)
    for (const event of simulateTraffic(seed).events) {
      if (added === count) break
      columns.add({ ...event, eventId: `${seed}-${event.eventId}` })
      added++
    }
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const from = process.cpuUsage()
  const finished = columns.finish()
  const report = eventQuality(finished, { nowMs: finished.timeMs[finished.count - 1]! })
  const { user, system } = process.cpuUsage(from)
  const seconds = (user + system) / 1e6
  const bytes = Object.values(finished).reduce(
    (sum: number, column) => sum + (ArrayBuffer.isView(column) ? column.byteLength : 0),
    0,
  )
  return {
    ...{ events: finished.count, shoppers: report.shoppers, seconds: Math.round(seconds * 10) / 10 },
    columnsMb: Math.round(bytes / 1e6),
    heapMb: Math.round((process.memoryUsage().heapUsed - heapBefore) / 1e6),
    // Of the process, the simulator in it.
    peakMb: Math.round(process.resourceUsage().maxRSS / 1e3),
  }
}

function print(
  { machine, commit, threshold, training, test, worst, byType, cost }: BotReport,
  sizes: BotSizes,
): void {
  const row = (name: string, { precision, recall, eventPrecision, eventRecall }: Quality) =>
    [name, precision, recall, eventPrecision, eventRecall].map(String)
  console.log(`${machine}; ${commit}; simulated weeks of about ${sizes.people} people each\n`)
  console.log(
    renderTable(
      ['seeds', 'precision', 'recall', 'of events: precision', 'recall'],
      [
        row(`${sizes.trainingSeeds.length} for training`, training),
        row(`${sizes.testSeeds.length} others`, test),
      ],
    ),
  )
  console.log(
    `\nThreshold ${threshold.used}; the training seeds choose ${threshold.chosenOnTraining}. Worst of the other seeds: precision ${worst.precision}, recall ${worst.recall}.\n`,
  )
  console.log(
    renderTable(
      ['account', 'is', 'accounts', 'suspected', 'share'],
      byType.map(({ type, isBot, accounts, suspected }) => [
        ...[type, isBot ? 'bot' : 'person', String(accounts), String(suspected)],
        (suspected / accounts).toFixed(3),
      ]),
    ),
  )
  console.log(
    `\n${cost.events} events of ${cost.shoppers} shoppers reported on in ${cost.seconds} s of CPU; columns ${cost.columnsMb} MB, heap grew by ${cost.heapMb} MB, peak of the process with its simulator ${cost.peakMb} MB.`,
  )
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, events: { type: 'string' } },
  })
  const sizes = values.smoke ? SMOKE : { ...FULL, events: Number(values.events ?? FULL.events) }
  const report = measureBots(sizes)
  if (values.json) console.log(JSON.stringify(report))
  else print(report, sizes)
}
