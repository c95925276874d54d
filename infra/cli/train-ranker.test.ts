import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSession } from '../../gpu-worker/runtime/session.ts'
import { RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'
import { simulateImpressions } from '../../test/fixtures/simulated-impressions.ts'
import { renderRanker, trainRankerOn } from './train-ranker.ts'

const NAMES = ['together', 'fits', 'vector', 'price', 'popular', 'noise']
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aisle-ranker-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function logOf(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
const options = (impressions: string) => ({
  impressions,
  out: join(folder, 'ranker'),
  kind: 'shared-bottom' as const,
  seed: 1,
  quiet: true,
})

describe('aisle train-ranker', () => {
  it('turns a log into the model that the edge runs, with its card', async () => {
    const rows = simulateImpressions(400, 1).map(
      ({ request, item, position, outcomes: { click, cart, purchase }, features }) =>
        [request, item, position, click, cart, purchase, ...features].join(),
    )
    const header = ['request', 'item', 'position', 'click', 'cart', 'purchase', ...NAMES].join()
    const outcome = await trainRankerOn(options(await logOf('log.csv', [header, ...rows].join('\n'))))
    // The edge's own features come first, in its order.
    expect(outcome.features).toEqual(['vector', 'together', 'popular', 'price', 'fits', 'noise'])
    expect(outcome.monotone.map(({ feature }) => feature)).toEqual(['vector', 'together', 'popular'])
    expect(renderRanker(outcome)).toContain('4000 impressions')
    expect((await readdir(outcome.out)).sort()).toEqual(['explainer.onnx', 'ranker.json', 'ranker.onnx'])
    expect(JSON.parse(await readFile(join(outcome.out, 'ranker.json'), 'utf8')).features).toEqual(
      outcome.features,
    )

    const session = await openSession(await readFile(join(outcome.out, 'ranker.onnx')), { threads: 1 })
    const { click, cart, purchase } = await session.run({
      features: { data: new Float32Array(2 * RANK_FEATURES_MAX).fill(0.5), dims: [2, RANK_FEATURES_MAX] },
    })
    await session.close()
    expect(click!.data[0]).toBeGreaterThan(cart!.data[0]!)
    expect(cart!.data[0]).toBeGreaterThan(purchase!.data[0]!)
    expect(click!.data[1]).toBe(click!.data[0])
  })

  it.each([
    ['a log without positions', 'request,item,click,x\nr,i,1,.5\n', 'no position'],
    ['a log without features', 'request,item,position,click\nr,i,1,1\n', '0 features'],
    ['a click that is neither yes nor no', 'request,item,position,click,x\nr,i,1,2,.5\n', 'neither 0 nor 1'],
    ['an empty feature', 'request,item,position,click,x\nr,i,1,1,\n', '"x" is not a number'],
    ['clicks only', 'request,item,position,click,x\nr,i,1,1,.5\n', 'nothing to tell apart'],
  ])('refuses %s in one sentence', async (_, text, sentence) => {
    await expect(trainRankerOn(options(await logOf('bad.csv', text)))).rejects.toThrow(sentence)
  })
})
