/** @file A quality run as a worker does it: from a published catalogue and the event log to the report in the bucket. */
import { parquetWriteBuffer } from 'hyparquet-writer'
import { beforeEach, expect, it } from 'vitest'
import { finding } from '../../shared/quality/rules.ts'
import { fixtureManifest } from '../../shared/retrieval/fixture.ts'
import { DRIFT_KEY, type DriftFile } from '../../shared/schema/drift.ts'
import { EVENT_QUALITY_KEY, type EventQualityFile } from '../../shared/schema/event-quality.ts'
import { Item } from '../../shared/schema/item.ts'
import { QUALITY_RUN_ID, Run, runKey } from '../../shared/schema/models.ts'
import { QUALITY_KEY, QualityReport, REFUSED_KEY, type Refused } from '../../shared/schema/quality-report.ts'
import { contentOf } from '../../shared/segment/content.ts'
import { quantiseItem } from '../../shared/vector/quantise.ts'
import { createIndexStore } from '../indexing/index-store.ts'
import type { ModelStore } from '../jobs/model.ts'
import { createMemoryBlobStore } from '../memory-blob-store.ts'
import { createRunStore } from '../runs/run-store.ts'
import { createRunner } from '../runs/runner.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const { model, fusion } = fixtureManifest([])
let blobs: ReturnType<typeof createMemoryBlobStore>
beforeEach(() => {
  blobs = createMemoryBlobStore()
})

const rowOf = (number: number, patch: Partial<Item>, version = 1) => ({
  ...{ number, version, contentHash: '0'.repeat(32), duplicateOf: null },
  item: Item.parse({ id: `i${number}`, title: 'Desk lamp', ...patch }),
})
async function publish(
  ...segments: (ReturnType<typeof rowOf> & { vector?: Float32Array })[][]
): Promise<void> {
  const store = createIndexStore(blobs)
  const refs = []
  for (const rows of segments) {
    const content = contentOf(
      rows.map(({ vector, ...row }) => ({ row, vector: vector ? quantiseItem(vector) : null })),
      model.dim,
    )
    refs.push((await store.writeSegment(content, rows)).ref)
  }
  await store.publish(null, { model, fusion, segments: refs }, NOW)
}
const put = (key: string, value: unknown) => blobs.put(key, new TextEncoder().encode(JSON.stringify(value)))
const read = async (key: string): Promise<unknown> =>
  JSON.parse(new TextDecoder().decode((await blobs.get(key))!.bytes))

async function perform(nowMs = NOW): Promise<Run> {
  const order: Run = {
    ...{ id: QUALITY_RUN_ID, kind: 'quality', state: 'queued', attempts: 0 },
    requestedAt: new Date(nowMs).toISOString(),
  }
  await put(runKey(QUALITY_RUN_ID), order)
  const runner = createRunner({
    ...{
      blobs,
      store: createIndexStore(blobs),
      runs: createRunStore(blobs, () => nowMs),
      nowMs: () => nowMs,
    },
    // A quality run needs no model.
    models: {} as ModelStore,
    ...{ log: () => {}, directory: '', threads: 1, provider: 'cpu' },
  })
  runner.wake()
  await runner.idle()
  return Run.parse(await read(runKey(QUALITY_RUN_ID)))
}
const report = async () => QualityReport.parse(await read(QUALITY_KEY))

it('judges every item once, in its newest version, with what the edge refused', async () => {
  await publish(
    [rowOf(1, { title: 'Lamp' }), rowOf(2, {}), rowOf(3, {})],
    [rowOf(1, { title: 'Desk lamp' }, 2)],
  )
  const refused: Refused = {
    total: 7,
    rows: [{ itemId: 'x', findings: [finding('missing-title', 'title')] }],
  }
  await put(REFUSED_KEY, refused)
  expect((await perform()).state).toBe('done')
  const made = await report()
  expect(made).toMatchObject({ source: 'catalogue', received: 10, accepted: 3, quarantined: 7, gate: null })
  expect(made.checks.find(({ key }) => key === 'has-at-least-bigram-title')).toMatchObject({ qualified: 3 })
  expect(made.rules.map(({ rule }) => rule)).toContain('missing-title')
})

it('finds a price far from those of the items nearest in meaning, whatever the category', async () => {
  // Two kinds of things, lamps at 10 and sofas at 900: only the lamp at the price of a sofa stands out.
  const near = (kind: number, at: number) =>
    Float32Array.from({ length: model.dim }, (_, i) => (i === kind ? 1 : i === 2 + at ? 0.1 : 0))
  const priced = (number: number, kind: number, price: number) => ({
    ...rowOf(number, { title: `Thing ${number}`, price, currency: 'EUR' }),
    vector: near(kind, number % 10),
  })
  const lamps = Array.from({ length: 14 }, (_, at) => priced(at + 1, 0, at === 5 ? 900 : 10 + (at % 3)))
  const sofas = Array.from({ length: 14 }, (_, at) => priced(at + 21, 1, 900 + at))
  await publish([...lamps, ...sofas])
  await perform()
  const { rules } = await report()
  expect(rules.find(({ rule }) => rule === 'price-unlike-neighbours')).toMatchObject({
    items: 1,
    examples: [{ itemId: 'i6' }],
  })
})

it('weighs items by how often shoppers looked at them', async () => {
  await publish([rowOf(1, {}), rowOf(2, { description: 'A lamp.' })])
  await perform()
  const { score } = await report()
  await blobs.put('events/date=2026-05-31/hour=00/a.parquet', viewsOf(2, 2, 2))
  await perform()
  const weighed = await report()
  expect(weighed.weighsViews).toBe(true)
  // The item that shoppers look at is the better one.
  expect(weighed.score).toBeGreaterThan(score)
})

it('remembers the reports before', async () => {
  await publish([rowOf(1, {})])
  await perform()
  await perform(NOW + 86_400_000)
  const { trend, createdAt } = await report()
  expect(trend.map(({ at }) => at)).toEqual([new Date(NOW).toISOString()])
  expect(createdAt).toBe(new Date(NOW + 86_400_000).toISOString())
})

it('tells of events and of drift what idle work has found', async () => {
  await publish([rowOf(1, {})])
  const at = new Date(NOW).toISOString()
  const events: EventQualityFile = {
    ...{
      judgedAt: at,
      from: at,
      to: at,
      events: 7,
      shoppers: 2,
      byKind: {},
      findings: [],
      suspectedUsers: [],
    },
    byKind: { impression: 0, view: 5, search: 0, click: 2, 'add-to-cart': 0, purchase: 0, rating: 0 },
    bots: { threshold: 0.5, shoppers: 1, events: 5, groups: 0, suspects: [] },
  }
  const limits = { watch: 0.1, alert: 0.25 }
  const reading = {
    field: 'price',
    measure: 'stability-index' as const,
    value: 0.4,
    limits,
    level: 'alert' as const,
  }
  // Of a shop with very many fields.
  const readings = Array.from({ length: 80 }, () => ({ ...reading, reason: 'Prices moved.' }))
  const drift: DriftFile = { feeds: [], days: [], feed: { before: at, after: at, readings }, day: null }
  const put = (key: string, value: unknown) => blobs.put(key, new TextEncoder().encode(JSON.stringify(value)))
  await put(EVENT_QUALITY_KEY, events)
  await put(DRIFT_KEY, drift)
  await perform()
  const { sections } = await report()
  expect(sections.map(({ id, severity }) => [id, severity])).toEqual([
    ['events', 'warn'],
    ['drift', 'warn'],
  ])
  expect(sections[1]!.samples[0]).toEqual({ subject: 'alert: catalogue, price', evidence: 'Prices moved.' })
})

it('fails in a sentence where there is no catalogue', async () => {
  expect(await perform()).toMatchObject({
    state: 'failed',
    error: 'There is no catalogue yet; import one first.',
  })
})

/** The log of views of these items, one each. */
function viewsOf(...numbers: number[]): Uint8Array {
  const column = (name: string, data: unknown[], type: string) => ({ name, data, type }) as never
  const text = (name: string, of: (number: number, at: number) => string) =>
    column(name, numbers.map(of), 'STRING')
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        text('event_id', (_, at) => `e${at}`),
        text('kind', () => 'view'),
        text('user', () => 'u'.repeat(32)),
        column(
          'time',
          numbers.map(() => new Date(NOW)),
          'TIMESTAMP',
        ),
        text('items', String),
        column(
          'suspected_bot',
          numbers.map(() => false),
          'BOOLEAN',
        ),
      ],
    }),
  )
}
