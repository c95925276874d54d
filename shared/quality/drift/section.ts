/** @file Drift as a section of the quality report. */
import type { Drift, DriftFile } from '../../schema/drift.ts'
import type { ReportSection } from '../../schema/quality-report.ts'

/** The gravest; more than anybody reads. */
const READINGS_SHOWN = 50

export function driftSection({ feed, day, feeds }: Pick<DriftFile, 'feed' | 'day' | 'feeds'>): ReportSection {
  const readings = [...readingsOf(feed, 'catalogue'), ...readingsOf(day, 'day')]
  const loud = readings.filter(({ level }) => level !== 'steady')
  const alerts = loud.filter(({ level }) => level === 'alert')
  return {
    id: 'drift',
    title: 'Drift',
    summary:
      readings.length === 0
        ? 'There is only one snapshot yet, and nothing to compare it with.'
        : `${alerts.length} of ${readings.length} readings are an alert, ${loud.length - alerts.length} more are worth a look.`,
    severity: loud.length > 0 ? 'warn' : 'info',
    counts: readings.slice(0, READINGS_SHOWN).map(({ of, field, measure, value }) => ({
      label: `${of}: ${field} (${measure})`,
      value,
    })),
    samples: loud.slice(0, READINGS_SHOWN).map(({ of, field, level, reason }) => ({
      subject: `${level}: ${of}, ${field}`,
      evidence: reason,
    })),
    trend: [{ label: 'items', points: feeds.map(({ takenAt, rows }) => ({ at: takenAt, value: rows })) }],
  }
}

const readingsOf = (drift: Drift | null, of: string) =>
  (drift?.readings ?? []).map((reading) => ({ of, ...reading }))
