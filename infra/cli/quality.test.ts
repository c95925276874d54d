/** @file `aisle quality` on files as shops have them, and the gate before an import. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { QualityReport } from '../../shared/schema/quality-report.ts'
import { sampleCatalogue } from '../sample/catalogue.ts'
import { checkFeed } from './check-feed.ts'
import { Failure } from './failure.ts'
import { readFieldMap } from './import.ts'
import { assessFile, type QualityOptions, refusalOf, renderReport } from './quality.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const folder = mkdtempSync(join(tmpdir(), 'aisle-quality-'))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const ownMap = write('own.json', '{"fields": {}}')
const csvMap = write(
  'csv.json',
  '{"fields": {"id": "id", "title": "title", "price": "price"}, "attributes": [{"prefix": "a_"}]}',
)
const assess = (file: string, options: Partial<QualityOptions> = {}) =>
  assessFile(file, { map: csvMap, quiet: true, ...options }, NOW)
const sentence = (work: Promise<unknown>) =>
  work.then(
    () => 'no failure',
    (error) => (error instanceof Failure ? error.message : `not a Failure: ${error}`),
  )
const lines = (count: number, of: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => of(at)).join('\n')
/** Of every ten rows, one has no title. */
const feed = (name: string, bad = 1) =>
  write(name, `id,title,price\n${lines(50, (at) => `i${at},${at % 10 < bad ? '' : 'Desk lamp'},5`)}\n`)

describe('aisle quality', () => {
  it('judges the sample shop, writes its page, and shows the way from an earlier report', async () => {
    const shop = write(
      'shop.ndjson',
      sampleCatalogue()
        .map((item) => JSON.stringify(item))
        .join('\n'),
    )
    const first = await assess(shop, { map: ownMap })
    expect(QualityReport.parse(first)).toEqual(first)
    expect(first.received).toBe(sampleCatalogue().length)
    expect(first.rules.map(({ rule }) => rule)).not.toContain('rule-failed')
    const earlier = write('earlier.json', JSON.stringify(first))
    const report = join(folder, 'report.html')
    const second = await assess(shop, { map: ownMap, report, since: earlier })
    expect(second.trend).toHaveLength(1)
    expect(readFileSync(report, 'utf8')).toContain('Data quality of shop.ndjson')
    expect(renderReport(second)).toContain('What to fix first')
  })
  it.each([
    ['no bytes', '', 'is empty'],
    ['only a header', 'id,title\n', 'has no rows'],
    ['only white space', ' \n ', 'is empty'],
  ])('a file of %s: one sentence', async (_name, text, words) => {
    expect(await sentence(assess(write('poor.csv', text)))).toContain(words)
  })
  it('takes ten thousand columns, and keeps as many attributes as an item has', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `a_${at.toString(36)}`)
    const header = ['id', 'title', ...names].join(',')
    const row = (at: number) =>
      [`i${at}`, 'Desk lamp', ...names.map((_, column) => String(column % 10))].join(',')
    const report = await assess(write('wide.csv', `${header}\n${row(0)}\n${row(1)}\n`))
    expect(report.accepted).toBe(2)
    expect(report.rules.map(({ rule }) => rule)).toContain('too-many-attributes')
  })
  it('counts ragged rows: short ones lack fields, long ones are refused', async () => {
    const report = await assess(
      write('ragged.csv', 'id,title,price\na,Desk lamp\nb,Desk lamp,5,6,7\nc,Desk lamp,5\nd\n'),
    )
    expect([report.received, report.quarantined]).toEqual([4, 2])
    const rules = report.rules.map(({ rule }) => rule)
    expect(rules).toContain('unreadable-row')
    expect(rules).toContain('missing-title')
  })
  it.each([
    ['no such file', { since: '/none.json' }, 'Cannot read the earlier report'],
    ['no report', { since: ownMap }, 'is no report'],
    ['a folder that is not there', { report: '/none/report.html' }, 'Cannot write'],
  ])('%s: one sentence', async (_name, options, words) => {
    expect(await sentence(assess(feed('a.csv'), options))).toContain(words)
  })
  it('refuses a feed that would keep too much out of the shop', async () => {
    const bad = await assess(feed('bad.csv', 3))
    expect(refusalOf(bad)).toContain('"bad.csv" would keep 30 % of its rows out of the shop')
    expect(refusalOf(bad, true)).toBeNull()
    expect(refusalOf(await assess(feed('bad.csv', 3), { hideMax: 30 }))).toBeNull()
    expect(refusalOf(await assess(feed('fair.csv', 2)))).toBeNull()
  })
  it('prints the whole report before it fails', () => {
    const run = (...more: string[]) =>
      spawnSync(
        process.execPath,
        ['infra/cli/aisle.ts', 'quality', feed('bad.csv', 3), '--map', csvMap, '--json', ...more],
        { encoding: 'utf8' },
      )
    const { status, stdout, stderr } = run()
    expect(status).toBe(1)
    expect(QualityReport.parse(JSON.parse(stdout)).quarantined).toBe(15)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(run('--force').status).toBe(0)
  })
})

describe('the gate before an import', () => {
  const check = (file: string, hideMax?: number) =>
    sentence(checkFeed(file, readFieldMap(csvMap), { hideMax, quiet: true }))
  it('lets a good feed pass and refuses a bad one before its first row is sent', async () => {
    expect(await check(feed('good.csv'))).toBe('no failure')
    expect(await check(feed('bad.csv', 3))).toContain('would keep 30 % of its rows out of the shop')
    expect(await check(feed('bad.csv', 3), 30)).toBe('no failure')
    expect(await check(feed('good.csv'), 5)).toContain('at most 5 %')
  })
})
