/** @file `aisle quality`: what a catalogue file looks like to the rules, before anything of it is in a shop. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { replaceFile } from '../../gpu-worker/replace-files.ts'
import { startLearning } from '../../shared/quality/catalogue-rules.ts'
import { cleanItem } from '../../shared/quality/clean.ts'
import { applyFieldMap, type FieldMap } from '../../shared/quality/field-map.ts'
import { gateSentence, HIDDEN_SHARE_MAX } from '../../shared/quality/report/gate.ts'
import { renderHtml } from '../../shared/quality/report/render-html.ts'
import { createReporter, type Row, trendPoint } from '../../shared/quality/report/report.ts'
import { QualityReport, type TrendPoint } from '../../shared/schema/quality-report.ts'
import { readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'
import { readFieldMap } from './import.ts'
import { createProgress } from './progress.ts'
import { renderTable } from './table.ts'

const RULES_PRINTED_MAX = 12

export type QualityOptions = {
  map: string
  /** Where the page goes. */
  report?: string
  /** Earlier report of the same feed, as `--json` printed it: the new one shows the way from there. */
  since?: string
  /** Percent of the rows that may be kept out of the shop. */
  hideMax?: number
  force?: boolean
  quiet: boolean
}

/**
 * Judge a file in two passes, one to learn what is usual in it and one to judge by that. Memory does not grow with the file.
 *
 * @throws Failure when the file or the map cannot be read, or the file has no rows
 */
export async function assessFile(
  file: string,
  options: QualityOptions,
  nowMs: number,
): Promise<QualityReport> {
  const map = readFieldMap(options.map)
  const trend = options.since === undefined ? [] : readTrend(options.since)
  const learning = startLearning()
  let rows = 0
  for await (const { item } of readRows(file, map, 'learning', options.quiet)) {
    rows++
    if (item) learning.see(item)
  }
  if (rows === 0) throw new Failure(`"${file}" has no rows.`)
  const reporter = createReporter({ learnt: learning.learn(), nowMs })
  for await (const row of readRows(file, map, 'judging', options.quiet)) reporter.add(row)
  const hiddenShareMax = options.hideMax === undefined ? HIDDEN_SHARE_MAX : options.hideMax / 100
  const report = reporter.finish({ source: basename(file), hiddenShareMax, trend })
  if (options.report !== undefined) await writePage(options.report, report)
  return report
}

/** Why the feed should not go into the shop; null when it may. */
export const refusalOf = ({ gate, source }: QualityReport, force = false): string | null =>
  gate === null || gate.passed || force ? null : gateSentence(gate, source)

async function* readRows(file: string, map: FieldMap, label: string, quiet: boolean): AsyncGenerator<Row> {
  const progress = createProgress(label, quiet)
  let count = 0
  for await (const { row, bytesRead, bytesTotal } of readCatalogue(file)) {
    const raw = '_unreadable' in row ? row : applyFieldMap(map, row)
    const { item, findings } = cleanItem(raw)
    progress.update(bytesRead, bytesTotal, `${++count} rows`)
    yield { id: item?.id ?? idOf(raw), item, findings }
  }
  progress.done(`${count} rows`)
}

const idOf = ({ id }: Record<string, unknown>): string | null =>
  typeof id === 'string' || typeof id === 'number' ? String(id) : null

function readTrend(path: string): TrendPoint[] {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Failure(`Cannot read the earlier report "${path}": ${(error as Error).message}.`)
  }
  const earlier = QualityReport.safeParse(json)
  if (!earlier.success) throw new Failure(`"${path}" is no report of "aisle quality --json".`)
  return [...earlier.data.trend, trendPoint(earlier.data)]
}

async function writePage(path: string, report: QualityReport): Promise<void> {
  try {
    await replaceFile(path, new TextEncoder().encode(renderHtml(report)))
  } catch (error) {
    throw new Failure(`Cannot write "${path}": ${(error as Error).message}.`)
  }
}

export function renderReport(report: QualityReport): string {
  const { rules, checks, received, quarantined, score } = report
  const shown = rules.slice(0, RULES_PRINTED_MAX)
  return [
    `Score ${score} of 100: ${received} rows, ${quarantined} in quarantine.`,
    '',
    renderTable(
      ['check', 'qualified', 'unqualified', 'suggested', ''],
      checks.map(({ key, qualified, unqualified, threshold, passed }) => [
        ...[key, String(qualified), String(unqualified), `${threshold} %`],
        passed === null ? 'no such items' : passed ? 'reached' : 'below',
      ]),
    ),
    ...(shown.length === 0
      ? ['', 'No rule found anything.']
      : [
          '',
          'What to fix first:',
          renderTable(
            ['rule', 'items', 'gain', 'repaired', 'what'],
            shown.map(({ rule, items, gain, repaired, message }) => [
              ...[rule, String(items), gain.toFixed(2), String(repaired), message],
            ]),
            90,
          ),
        ]),
    ...(rules.length > shown.length
      ? [`and ${rules.length - shown.length} more; see --json or --report.`]
      : []),
  ].join('\n')
}
