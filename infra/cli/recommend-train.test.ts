import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { evalNextItem, renderNextItem } from './eval-next-item.ts'
import { recommendTrain, renderRecommendTrain } from './recommend-train.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aisle-recommend-'))
})
afterEach(() => rm(directory, { recursive: true }))

const file = async (name: string, text: string) => {
  await writeFile(join(directory, name), text)
  return join(directory, name)
}
const model = () => join(directory, 'model')
const train = async (text: string, more: { items?: string; sessions?: boolean } = {}) =>
  recommendTrain({
    ...{ sequences: await file('train.txt', text), out: model(), seed: 1, json: true },
    ...more,
  })
const evaluate = async (text: string, more: Partial<Parameters<typeof evalNextItem>[0]> = {}) => {
  const out = join(directory, 'lists.tsv')
  const outcome = await evalNextItem({
    ...{ model: model(), sequences: await file('eval.txt', text), out, top: 3, json: true },
    ...more,
  })
  const lines = (await readFile(out, 'utf8')).split('\n').filter((line) => line !== '')
  return { outcome, lists: new Map(lines.map((line) => line.split('\t') as [string, string])) }
}
/** Everyone goes round the same circle of lettered items. */
const circle = (users: number) =>
  Array.from({ length: users }, (_, user) => {
    const items = Array.from({ length: 5 }, (_, at) => `item-${'abcdefghij'[(user + at) % 10]}`)
    return `user-${user} ${items.join(' ')}\n`
  }).join('')

describe('aisle recommend-train and eval next-item', () => {
  it('learn what comes next, and leave out what is seen when asked', async () => {
    const outcome = await train(circle(60))
    expect(outcome).toMatchObject({ sequences: 60, events: 300, items: 10 })
    expect(renderRecommendTrain(outcome)).toContain('ranked together')
    const { lists } = await evaluate('new item-a item-b item-c\nother item-i item-j\n', { excludeSeen: true })
    expect(lists.get('new')!.split(',')[0]).toBe('item-d')
    expect(lists.get('other')!.split(',')[0]).toBe('item-a')
    expect(lists.get('new')).not.toMatch(/item-[abc]\b/)
  })

  it('make the same bytes of the same seed', async () => {
    const bytes = async () => {
      await train(circle(40))
      return Promise.all(['recommender.json', 'arrays.bin'].map((name) => readFile(join(model(), name))))
    }
    expect(await bytes()).toEqual(await bytes())
  })

  it('skip unknown items, and give popular ones to a history without known items', async () => {
    await train(circle(60))
    const { outcome, lists } = await evaluate('a nothing item-a\nb nothing\nc\n')
    expect(outcome).toMatchObject({ lines: 3, unknownEvents: 2 })
    for (const list of lists.values()) expect(list.split(',')).toHaveLength(3)
  })

  it('recommend by text what nobody has touched', async () => {
    const kinds = 'abcdefghij'
    const words = ['lamp', 'chair', 'sofa', 'rug', 'bed', 'desk', 'shelf', 'mirror', 'clock', 'vase']
    const rows = [...kinds].map((kind, at) => `item-${kind}\t${words[at]}\tacme|${words[at]}`)
    const fresh = 'new-item\tsofa\tacme|sofa'
    const items = await file('items.tsv', ['item_id\ttitle\tbrand_and_categories', ...rows, fresh].join('\n'))
    expect((await train(circle(60), { items })).items).toBe(11)
    const { lists } = await evaluate('u item-c\n', { top: 10, excludeSeen: true })
    expect(lists.get('u')!.split(',')).toContain('new-item')
  })

  it('take sessions without users, that come back to items', async () => {
    const sessions = Array.from({ length: 80 }, (_, at) => (at % 2 ? 'x y x y z\n' : 'p q p\n')).join('')
    await train(sessions, { sessions: true })
    const { lists } = await evaluate('p q\n\nx\n')
    expect([...lists.keys()]).toEqual(['1', '3'])
    expect(lists.get('1')!.split(',')[0]).toBe('p')
    expect(lists.get('3')!.split(',')[0]).toBe('y')
  })

  it('measure against answers that ranking does not see', async () => {
    await train(circle(60))
    const shown = 'u item-a item-b item-c\nv item-d item-e\n'
    const plain = await evaluate(shown, { excludeSeen: true })
    const targets = await file('targets.tsv', 'u\titem-d\nv\titem-unknown\n')
    const judged = await evaluate(shown, { excludeSeen: true, targets })
    expect(judged.lists).toEqual(plain.lists)
    const [all] = judged.outcome.measured!.slices
    expect(all).toMatchObject({ lines: 2, quality: { hitRate: 0.5, ndcg: 0.5 } })
    expect(renderNextItem(judged.outcome)).toContain('coverage@10')
    const held = await evaluate('u item-a item-b item-c item-d\n', { leaveOneOut: true, excludeSeen: true })
    expect(held.lists.get('u')).toBe(plain.lists.get('u'))
  })

  it('take what is hardly there: one user, one item, lines twice, a user without end', async () => {
    for (const text of ['u a\n', 'u a a a\n', 'u a b\nu a b\n', `u ${'a b c d '.repeat(25_000)}\nv a b\n`]) {
      await train(text)
      const { lists } = await evaluate('u a\n')
      expect(lists.get('u')).toMatch(/^[abcd]/)
    }
  })

  it('say in a sentence what is wrong', async () => {
    await expect(train('')).rejects.toThrow('has no events')
    await expect(train('u\nv\n')).rejects.toThrow('has no events')
    const items = await file('items.tsv', 'name\tcolour\nlamp\tred\n')
    await expect(train('u a b\n', { items })).rejects.toThrow('no column of item ids')
    await expect(evaluate('u a\n')).rejects.toThrow('train a model with "aisle recommend-train"')
    await train(circle(20))
    const arrays = join(model(), 'arrays.bin')
    const bytes = await readFile(arrays)
    bytes[40]! ^= 1
    await writeFile(arrays, bytes)
    await expect(evaluate('u item-a\n')).rejects.toThrow('arrays.bin is damaged')
    const manifest = join(model(), 'recommender.json')
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"version":1', '"version":2'))
    await expect(evaluate('u item-a\n')).rejects.toThrow('recommender.json: version')
  })
})
