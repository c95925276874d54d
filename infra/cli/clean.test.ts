import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, describe, expect, it } from 'vitest'
import { cleanFile, renderCleaned, suggestLabels } from './clean.ts'
import { Failure } from './failure.ts'

const folder = mkdtempSync(join(tmpdir(), 'aisle-clean-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function file(content: string | Uint8Array): string {
  const path = join(folder, `${files++}.csv`)
  writeFileSync(path, content)
  return path
}
const out = () => join(folder, `${files++}.out.csv`)
type Found = {
  row: string
  column: string
  value: string
  reason: string
  confidence: string
  repair: string
}
const foundIn = (path: string): Found[] => parse(readFileSync(path), { columns: true })

async function clean(content: string | Uint8Array, options: { labels?: string; repaired?: string } = {}) {
  const outcome = await cleanFile(file(content), { ...options, out: out(), quiet: true })
  return { outcome, found: foundIn(outcome.out) }
}
const failureOf = async (content: string | Uint8Array, labels?: string): Promise<string> => {
  try {
    await clean(content, labels === undefined ? {} : { labels: file(labels) })
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    return (error as Failure).message
  }
  throw new Error('did not fail')
}

const TOWNS = ['Hamburg', 'Bremen', 'Kassel', 'Köln']
const LINES = Array.from(
  { length: 120 },
  (_, at) => `${at},${TOWNS[at % 4]},${at === 7 ? 'N/A' : at === 8 ? '' : at % 9}`,
)
const TABLE = `id,town,stars\n${LINES.join('\n')}\n`
const DIRTY = TABLE.replace('5,Bremen', '5,Brxmen')

describe('aisle clean', () => {
  it('writes the suspected cells as CSV, and the repaired table', async () => {
    const repaired = out()
    const { outcome, found } = await clean(DIRTY, { repaired })
    expect(found).toMatchObject([
      { row: '5', column: 'town', value: 'Brxmen', repair: 'Bremen' },
      { row: '7', column: 'stars', value: 'N/A', repair: '' },
    ])
    expect(found[0]!.reason).toContain('spelling: ')
    expect(Number(found[0]!.confidence)).toBeGreaterThan(0.5)
    expect(readFileSync(outcome.out, 'utf8').split('\n')[0]).toBe('row,column,value,reason,confidence,repair')
    expect(readFileSync(outcome.out, 'utf8')).toMatch(/N\/A,.*,""\n/)
    expect(readFileSync(repaired, 'utf8')).toBe(TABLE.replace('N/A', ''))
    expect(outcome).toMatchObject({ rows: 120, columns: 3, suspects: 2, repairs: 2, failed: [] })
    expect(renderCleaned(outcome)).toContain('120 rows: 2 suspected cells, 2 with a repair')
  })

  it('asks for rows that a person may correct in place, and learns from them', async () => {
    const rows = LINES.map((line) => line.replace(/Hamburg/, 'Hamburg (city)'))
    const path = file(`id,town,stars\n${rows.join('\n')}\n`)
    const labels = out()
    const { rows: asked } = await suggestLabels(path, { count: 12, out: labels, quiet: true })
    const text = readFileSync(labels, 'utf8')
    expect(text.split('\n')[0]).toBe('row,id,town,stars')
    expect(asked).toHaveLength(12)
    for (const row of asked) expect(text).toContain(`\n${row},${rows[row]}\n`)

    writeFileSync(labels, text.replaceAll(' (city)', ''))
    const outcome = await cleanFile(path, { labels, out: out(), quiet: true })
    const towns = foundIn(outcome.out).filter(({ column }) => column === 'town')
    expect(towns.map(({ row }) => Number(row))).toEqual(
      rows.flatMap((line, at) => (line.includes('city') ? [at] : [])),
    )
    expect(new Set(towns.map(({ repair }) => repair))).toEqual(new Set(['Hamburg']))
  })

  it('runs from the command line', () => {
    const aisle = (...words: string[]) =>
      execFileSync(process.execPath, ['infra/cli/aisle.ts', 'clean', ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    const path = file(DIRTY)
    expect(JSON.parse(aisle(path, '--out', out(), '--json'))).toMatchObject({ suspects: 2 })
    expect(aisle(path, '--suggest-labels', '3').trimEnd().split('\n')).toHaveLength(4)
    expect(aisle('--help')).toContain('--suggest-labels <n>')
  })
})

describe('labels that do not fit', () => {
  it.each([
    ['without a row', 'id,town,stars\n1,Bremen,1\n', /the first column of labels is "row"/],
    [
      'of no such row',
      'row,id,town,stars\n120,1,Bremen,1\n',
      /"120" is no row of the table, whose rows are 0 to 119/,
    ],
    ['of no number', 'row,id,town,stars\nx,1,Bremen,1\n', /"x" is no row/],
    ['of another table', 'row,name\n1,Bremen\n', /the table has no column "name"/],
  ])('%s are refused', async (_, labels, message) => {
    expect(await failureOf(TABLE, labels)).toMatch(message)
  })
  it('are taken by place where names differ, and for some columns where the names are known', async () => {
    for (const labels of ['row,ID,Town,Stars\n5,5,Bonn,5\n', 'row,town\n5,Bonn\n']) {
      const { found } = await clean(TABLE, { labels: file(labels) })
      expect(found.filter(({ row }) => row === '5')).toMatchObject([
        { column: 'town', repair: 'Bonn', confidence: '1.000' },
      ])
    }
  })
})

describe('a bad file', () => {
  it.each([
    ['empty', '', /is empty/],
    ['with an open quote', 'id,town\n1,Bonn\n2,"Bremen\n', /broken CSV: .* line \d/],
    ['with two columns of one name', 'id,town,id\n1,Bonn,2\n', /two columns named "id"/],
    ['of JSON', '[{"id":1}]', /is JSON: expected a CSV or TSV table/],
  ])('%s is refused with a sentence', async (_, content, message) => {
    expect(await failureOf(content)).toMatch(message)
  })

  it('with a header only has no suspects', async () => {
    expect((await clean('id,town\n')).outcome).toMatchObject({ rows: 0, suspects: 0 })
  })

  it('with ragged rows is read, and its longer rows are suspected', async () => {
    const { outcome, found } = await clean(`${TABLE}120,Hamburg\n121,Bremen,1,more\n`)
    expect(outcome.rows).toBe(122)
    expect(found.find(({ row }) => row === '121')).toMatchObject({
      column: 'stars',
      value: '1,more',
      reason: 'ragged-row: 4 fields under 3 columns',
    })
  })

  it('with 10,000 columns is judged', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `c${at}`)
    const rows = Array.from({ length: 12 }, (_, row) =>
      names.map((_, at) => String((row * at) % 7)).join(','),
    )
    expect((await clean(`${names.join(',')}\n${rows.join('\n')}\n`)).outcome).toMatchObject({
      rows: 12,
      columns: 10_000,
    })
  })

  it.each<[string, Uint8Array]>([
    ['Latin-1', Buffer.from(DIRTY, 'latin1')],
    ['UTF-8 with its mark', Buffer.from(`\ufeff${DIRTY}`)],
    ['UTF-16', Buffer.from(DIRTY, 'utf16le')],
    ['UTF-16 with its mark', Buffer.from(`\ufeff${DIRTY}`, 'utf16le').swap16()],
    [
      'lines of both UTF-8 and Latin-1',
      Buffer.concat([Buffer.from(DIRTY), Buffer.from('120,Köln,1\n', 'latin1')]),
    ],
  ])('in %s is read', async (_, content) => {
    const { found } = await clean(content)
    expect(found.map(({ value }) => value)).toEqual(['Brxmen', 'N/A'])
  })
})

describe('a table that is too large to hold', () => {
  it('is judged in blocks, in a heap smaller than the file', () => {
    const line = (at: number) =>
      `${at},${at % 5_000 === 77 ? 'Kasxel' : TOWNS[at % 4]},${at % 9},${'x'.repeat(700)}\n`
    const path = file(`id,town,stars,note\n${Array.from({ length: 60_000 }, (_, at) => line(at)).join('')}`)
    const target = out()
    const outcome: unknown = JSON.parse(
      execFileSync(
        process.execPath,
        ['--max-old-space-size=40', 'infra/cli/aisle.ts', 'clean', path, '--out', target, '--json'],
        { encoding: 'utf8' },
      ),
    )
    expect(outcome).toMatchObject({ rows: 60_000 })
    expect(foundIn(target).map(({ row, repair }) => [Number(row), repair])).toEqual(
      Array.from({ length: 12 }, (_, n) => [n * 5_000 + 77, 'Kassel']),
    )
  })
})
