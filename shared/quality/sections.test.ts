/** @file What the quality report says of events and of drift. */
import { expect, it } from 'vitest'
import { simulateTraffic } from '../../test/fixtures/traffic/traffic.ts'
import { compareFeeds } from './drift/compare.ts'
import { driftSection } from './drift/section.ts'
import { feedSnapshot } from './drift/snapshots.ts'
import { toColumns } from './events/event-columns.ts'
import { eventQuality } from './events/event-quality.ts'
import { eventSection } from './events/section.ts'

it('the section of events counts bots and shows each with its reasons', () => {
  const { events } = simulateTraffic(3, 60)
  const report = eventQuality(toColumns(events), { nowMs: events.at(-1)!.timeMs })
  const section = eventSection(report)
  expect(section.severity).toBe('warn')
  expect(section.counts).toContainEqual({ label: 'shoppers judged bots', value: report.bots.shoppers })
  const suspects = section.samples.filter(({ subject }) => subject.startsWith('shopper'))
  expect(suspects).toHaveLength(report.bots.shoppers)
  for (const { evidence } of suspects) expect(evidence).toMatch(/[.] \(.+\)/)
  expect(eventSection(eventQuality(toColumns([]), { nowMs: 0 }))).toMatchObject({
    severity: 'info',
    samples: [],
  })
})

it('the section of drift has a sentence for each alert', () => {
  const snapshot = (price: number) =>
    feedSnapshot(
      Array.from({ length: 200 }, (_, at) => ({
        ...{ title: 'Lamp', brand: '', category: [], currency: null, stock: null, image: '' },
        price: price * (1 + (at % 9)),
      })),
      price,
    )
  const feeds = [snapshot(1), snapshot(50)]
  const section = driftSection({ feeds, feed: compareFeeds(feeds[0]!, feeds[1]!), day: null })
  expect(section.samples).toHaveLength(1)
  expect(section.samples[0]).toMatchObject({ subject: 'alert: catalogue, price' })
  expect(driftSection({ feeds: [], feed: null, day: null })).toMatchObject({ severity: 'info', samples: [] })
})
