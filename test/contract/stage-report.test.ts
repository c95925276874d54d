/** @file One point and one header for each ranked reply, through the frame that serves them. */
import { describe, expect, it } from 'vitest'
import { createFrame } from '../../functions/http/frame.ts'
import { createRateLimit } from '../../functions/http/rate-limit.ts'
import { createFaults } from '../../functions/ranking/faults.ts'
import { createReportStages, type Told } from '../../functions/ranking/stage-report.ts'
import { STAGES, StageTimer } from '../../functions/ranking/stages.ts'
import { ok } from '../../shared/lib/result.ts'
import { createMemoryDataset } from './stage-report.ts'

const REPLY: Told = {
  indexVersion: 7,
  model: 'm1',
  degraded: [],
  hits: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
}

/** A frame with one ranked route whose stages take 1 ms each. */
function open(dataset: AnalyticsEngineDataset | undefined, reply = REPLY, faults = createFaults(() => 0)) {
  let now = 0
  const report = createReportStages(dataset, faults)
  const app = createFrame({
    authenticate: async () => ok({ keyId: 'k', scope: 'public' }),
    rateLimit: createRateLimit(Date.now),
    startStages: () => new StageTimer(() => now, { profile: 50, retrieve: 100, rank: 20, diversify: 20 }),
  })
  app.get('/v1/search', (c) => {
    const stages = c.get('stages')
    for (const stage of ['index', 'retrieve', 'rank'] as const) {
      stages.begin(stage)
      now++
    }
    report(c, 'search', reply)
    return c.json({})
  })
  return () => app.request('/v1/search', { headers: { authorization: 'Bearer good' } })
}

describe('a ranked reply', () => {
  it('is one point with its route, its stages, what was left out and what it shows', async () => {
    const dataset = createMemoryDataset()
    const faults = createFaults(() => 0)
    faults.count('segment-corrupt')
    await open(dataset, { ...REPLY, degraded: ['profile-timeout', 'ranker-loading'] }, faults)()
    expect(dataset.points).toEqual([
      {
        indexes: ['search'],
        blobs: ['search', 'profile-timeout,ranker-loading', 'm1'],
        doubles: [3, 0, 1, -1, 1, 1, -1, 3, 7, 2],
      },
    ])
    expect(dataset.points[0]!.doubles).toHaveLength(1 + STAGES.length + 3)
    expect(faults.list().map(({ name }) => name)).toEqual(['profile-timeout', 'segment-corrupt'])
  })
  it('tells which places were left to chance, and how likely each item was to stand there', async () => {
    const dataset = createMemoryDataset()
    const hits = [{ id: 'a', propensity: 1 }, { id: 'b', propensity: 0.1 / 3 }, { id: 'c' }]
    await open(dataset, { ...REPLY, hits })()
    expect(dataset.points[0]!.blobs).toEqual(['search', '', 'm1', 'b=0.03333'])
  })
  it('is a point that is taken, whatever was left out of it', async () => {
    const dataset = createMemoryDataset()
    const degraded = Array.from({ length: 50 }, (_, n) => `shard-${n}-missing`)
    expect((await open(dataset, { ...REPLY, model: null, degraded })()).status).toBe(200)
    expect(dataset.points).toHaveLength(1)
  })
  it('tells its stages to the browser, with and without the binding', async () => {
    for (const dataset of [createMemoryDataset(), undefined]) {
      const { headers } = await open(dataset)()
      expect(headers.get('server-timing')).toBe('auth;dur=0, index;dur=1, retrieve;dur=1, rank;dur=1')
      expect(headers.get('timing-allow-origin')).toBe('*')
      expect(headers.get('access-control-expose-headers')).toContain('server-timing')
    }
  })
  it('comes also when the point is refused', async () => {
    const refusing = {
      writeDataPoint() {
        throw new TypeError('over the limit of this invocation')
      },
    }
    expect((await open(refusing)()).status).toBe(200)
  })
})
