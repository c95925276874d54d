/** @file The report on events as a section of the quality report. */
import type { EventQuality } from '../../schema/event-quality.ts'

const SAMPLES_MAX = 100
const SAMPLES_PER_RULE = 5
const REASONS_SHOWN = 3

export function eventSection({ events, shoppers, byKind, findings, bots }: EventQuality) {
  const isAlarm = bots.shoppers > 0 || findings.some(({ severity }) => severity !== 'info')
  const samples = [
    ...findings.flatMap(({ message, samples: some }) =>
      some.slice(0, SAMPLES_PER_RULE).map((subject) => ({ subject, evidence: message })),
    ),
    ...bots.suspects.map(({ user, score, events: own, reasons }) => ({
      subject: `shopper ${user.slice(0, 8)}…, ${own} events, score ${score.toFixed(2)}`,
      evidence: reasons
        .slice(0, REASONS_SHOWN)
        .map(({ message, evidence }) => `${message} (${evidence})`)
        .join(' '),
    })),
  ]
  return {
    id: 'events',
    title: 'Events',
    summary: `${events} events of ${shoppers} shoppers in the last days; ${bots.shoppers} shoppers with ${bots.events} events are no people and count nowhere.`,
    severity: findings.some(({ severity }) => severity === 'quarantine')
      ? ('quarantine' as const)
      : isAlarm
        ? ('warn' as const)
        : ('info' as const),
    counts: [
      ...Object.entries(byKind).map(([label, value]) => ({ label, value, unit: 'events' })),
      { label: 'shoppers judged bots', value: bots.shoppers },
      { label: 'groups in lockstep', value: bots.groups },
      ...findings.map(({ rule, count }) => ({ label: rule, value: count })),
    ],
    samples: samples.slice(0, SAMPLES_MAX),
  }
}
