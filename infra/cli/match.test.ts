/** @file `aisle match` on small made-up tables: what it writes, what it never reads, and what it says of files that are wrong. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../../shared/lib/random.ts'
import { match, renderMatch } from './match.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aisle-match-'))
})
afterAll(() => rm(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const put = async (name: string, text: string): Promise<string> => {
  await writeFile(at(name), text)
  return at(name)
}
const linesOf = async (name: string) => (await readFile(at(name), 'utf8')).trimEnd().split('\n')

const BRANDS = ['nordlys', 'acme', 'sonido', 'kitmar', 'velano']
const KINDS = ['speaker', 'lamp', 'keyboard', 'kettle', 'monitor', 'router']
/** A thing as two shops write it: in another order, with a word left out and another price. */
function things(count: number, seed: number) {
  const random = createRandom(seed)
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!
  return Array.from({ length: count }, () => {
    const model = `${String.fromCharCode(97 + Math.floor(random() * 26))}${100 + Math.floor(random() * 900)}`
    const [brand, kind, price] = [pick(BRANDS), pick(KINDS), 20 + Math.floor(random() * 400)]
    return {
      one: { title: `${brand} ${model} ${kind} black`, price: `${price}.00` },
      other: {
        title: `${kind} ${brand} ${model.toUpperCase()}`,
        price: `${price + Math.floor(random() * 9)}.99`,
      },
    }
  })
}
const written = ({ title, price }: { title: string; price: string }) =>
  `COL title VAL ${title} COL price VAL ${price}`
/** Each thing with itself and with two others. */
const pairLines = (count: number, seed: number, isLabelled: boolean) => {
  const all = things(count, seed)
  return all
    .flatMap(({ one }, left) =>
      [0, 1, 2].map((step) => {
        const { other } = all[(left + step) % count]!
        return `${written(one)}\t${written(other)}${isLabelled ? `\t${step === 0 ? 1 : 0}` : ''}`
      }),
    )
    .join('\n')
}

describe('pairs that were written out', () => {
  it('get a score and a decision each, in order, learnt from labels of other pairs', async () => {
    const train = await put('train.txt', pairLines(60, 1, true))
    const pairs = await put('pairs.txt', pairLines(30, 2, false))
    const outcome = await match({ pairs, train, out: at('out.txt'), quiet: true })
    const lines = (await linesOf('out.txt')).map((line) => line.split('\t').map(Number))
    expect(lines).toHaveLength(90)
    const right = lines.filter(([, decision], row) => decision === (row % 3 === 0 ? 1 : 0)).length
    expect(right).toBeGreaterThanOrEqual(88)
    expect(outcome.learnt!.labels).toBe(180)
    expect(renderMatch(outcome)).toContain('learnt from 180 labelled pairs')
  })

  it('are judged the same whatever labels stand beside them', async () => {
    const train = await put('train.txt', pairLines(40, 1, true))
    const judged = async (name: string, change: (line: string, row: number) => string) => {
      const lines = pairLines(15, 3, false).split('\n').map(change)
      await match({ pairs: await put(name, lines.join('\n')), train, out: at('out.txt'), quiet: true })
      return linesOf('out.txt')
    }
    const plain = await judged('plain.txt', (line) => line)
    expect(await judged('right.txt', (line, row) => `${line}\t${row % 3 === 0 ? 1 : 0}`)).toEqual(plain)
    expect(await judged('wrong.txt', (line, row) => `${line}\t${row % 3 === 0 ? 0 : 1}`)).toEqual(plain)
  })

  it('of one class only, or without labels, cannot be learnt from', async () => {
    const pairs = await put('pairs.txt', pairLines(5, 2, false))
    const ones = await put('ones.txt', pairLines(40, 1, true).replaceAll(/\t0$/gm, '\t1'))
    await expect(match({ pairs, train: ones, out: at('out.txt'), quiet: true })).rejects.toThrow(
      'with the label 0',
    )
    await expect(match({ pairs, out: at('out.txt'), quiet: true })).rejects.toThrow('needs --train')
    await expect(match({ pairs, train: pairs, out: at('out.txt'), quiet: true })).rejects.toThrow(/label/)
  })

  it('may hold a record of 100,000 characters', async () => {
    const train = await put('train.txt', pairLines(40, 1, true))
    const long = `COL title VAL ${'lamp '.repeat(20_000)}`
    const pairs = await put('pairs.txt', `${long}\t${long}\n${pairLines(5, 2, false)}`)
    expect((await match({ pairs, train, out: at('out.txt'), quiet: true })).pairs).toBe(16)
  })
})

describe('tables that nobody has labelled', () => {
  const csv = (rows: { title: string; price: string }[], prefix: string) =>
    ['id,title,price', ...rows.map(({ title, price }, row) => `${prefix}${row},${title},${price}`)].join('\n')

  it('are linked record by record', async () => {
    const all = things(80, 5)
    const left = await put(
      'left.csv',
      csv(
        all.map(({ one }) => one),
        'a',
      ),
    )
    const right = await put(
      'right.csv',
      csv(
        all.map(({ other }) => other),
        'b',
      ),
    )
    const outcome = await match({ left, right, out: at('links.csv'), candidates: at('c.csv'), quiet: true })
    const [header, ...links] = await linesOf('links.csv')
    expect(header).toBe('left_id,right_id,score')
    const right1 = links.filter(
      (line) => line.split(',')[0]!.slice(1) === line.split(',')[1]!.slice(1),
    ).length
    expect(right1).toBeGreaterThanOrEqual(76)
    expect(links.length - right1).toBeLessThanOrEqual(4)
    expect(outcome.tables!.candidatesPerRecord).toBeLessThanOrEqual(12)
    expect(new Set(await linesOf('c.csv')).size).toBe(outcome.pairs + 1)
  })

  it('may be one, in which duplicates are found and grouped', async () => {
    const all = things(60, 6)
    const rows = [...all.map(({ one }) => one), ...all.slice(0, 20).map(({ other }) => other)]
    const left = await put('one.csv', csv(rows, ''))
    const outcome = await match({
      left,
      self: true,
      out: at('self.csv'),
      groups: at('groups.csv'),
      quiet: true,
    })
    const [, ...links] = await linesOf('self.csv')
    const right = links.filter(
      (line) => Number(line.split(',')[1]) - Number(line.split(',')[0]) === 60,
    ).length
    expect(right).toBeGreaterThanOrEqual(17)
    const [header, ...members] = await linesOf('groups.csv')
    expect(header).toBe('group,id,canonical,cohesion')
    expect(members.filter((line) => line.split(',')[2] === '1')).toHaveLength(outcome.groups!)
  })

  it.each<[string, string, string]>([
    ['empty', '', 'is empty'],
    ['a header alone', 'id,title\n', 'no row'],
    ['without ids that differ', 'title,brand\nx,y\nx,y\n', '--id NAME'],
  ])('are refused in a sentence when %s', async (_, text, sentence) => {
    const left = await put('bad.csv', text)
    await expect(match({ left, self: true, out: at('out.csv'), quiet: true })).rejects.toThrow(sentence)
  })

  it('of which none was given, or one and no --self, are asked for', async () => {
    const left = await put('left.csv', 'id,title\n1,lamp\n2,chair\n')
    await expect(match({ out: at('out.csv'), quiet: true })).rejects.toThrow('Give two tables')
    await expect(match({ left, out: at('out.csv'), quiet: true })).rejects.toThrow('Give two tables')
  })
})
