import { describe, expect, it } from 'vitest'
import { type Finding, Item } from '../../schema/item.ts'
import { QualityReport, type ReportSection } from '../../schema/quality-report.ts'
import { startLearning } from '../catalogue-rules.ts'
import { gateOf, gateSentence } from './gate.ts'
import { html, unescaped } from './html.ts'
import { renderHtml } from './render-html.ts'
import { createReporter, type Row, trendPoint } from './report.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
/** Nothing to find on it. */
const good = (id: string, patch: Partial<Item> = {}): Row => {
  const item = Item.parse({
    ...{ id, title: 'Desk lamp', description: 'A lamp.', price: 5, category: ['Lamps'] },
    ...{ attributes: { colour: 'black' }, image: 'https://a.de/x.jpg', url: 'https://a.de/p' },
    ...{ publishTime: '2026-01-01T00:00:00.000Z', ...patch },
  })
  return { id, item, findings: [] }
}
const refused = (id: string | null): Row => ({
  id,
  item: null,
  findings: [
    { rule: 'missing-title', severity: 'quarantine', field: 'title', message: 'The item has no title.' },
  ],
})
const warning = (rule: string): Finding => ({ rule, severity: 'warn', field: 'title', message: 'Said.' })
const reportOf = (
  rows: readonly Row[],
  about: Partial<Parameters<ReturnType<typeof createReporter>['finish']>[0]> = {},
) => {
  const reporter = createReporter({ learnt: startLearning().learn(), nowMs: NOW })
  for (const row of rows) reporter.add(row)
  return reporter.finish({ source: 'shop.csv', hiddenShareMax: 0.2, ...about })
}

describe('the score', () => {
  it('is 100 where nothing was found, and 0 where nothing was let in', () => {
    expect(reportOf([good('a'), good('b')])).toMatchObject({ score: 100, rules: [], accepted: 2 })
    expect(reportOf([refused('a'), refused(null)])).toMatchObject({ score: 0, quarantined: 2 })
    expect(reportOf([]).score).toBe(100)
  })
  it('falls by 25 for a warning and by 5 for a remark, once a rule, and never below zero', () => {
    expect(reportOf([good('a', { description: '' })]).score).toBe(95)
    expect(reportOf([{ ...good('a'), findings: [warning('r'), warning('r')] }]).score).toBe(75)
    expect(reportOf([{ ...good('a'), findings: 'abcde'.split('').map(warning) }]).score).toBe(0)
  })
  it('weighs items by how often shoppers looked', () => {
    const bad = { ...good('a'), findings: [warning('r')], views: 3 }
    const report = reportOf([bad, good('b')])
    expect([report.score, report.weighsViews]).toEqual([80, true])
    expect(reportOf([{ ...bad, views: 0 }, good('b')]).score).toBe(87.5)
  })
  it('does not fall for a repair that was made', () => {
    const report = reportOf([good('a', { title: '*** Desk lamp' })])
    expect(report.score).toBe(100)
    expect(report.rules).toMatchObject([{ rule: 'title-decorated', items: 1, repaired: 1, gain: 0 }])
  })
  it('is told by category', () => {
    const report = reportOf([good('a'), good('b', { description: '' }), good('c', { category: [] })])
    expect(report.categories).toEqual([
      { category: 'Lamps', items: 2, score: 97.5, worst: 'has-description' },
      { category: '', items: 1, score: 100, worst: null },
    ])
  })
})

describe('the gain of a rule', () => {
  it('is what the score rises by when the rule alone is mended everywhere', () => {
    const rows: Row[] = [
      { ...good('a'), findings: [warning('r'), warning('s')], views: 2 },
      { ...good('b', { description: '' }), findings: [warning('r')] },
      { ...good('c'), findings: 'rstuv'.split('').map(warning) },
      refused('d'),
    ]
    const report = reportOf(rows)
    for (const { rule, gain } of report.rules) {
      if (rule === 'has-description' || rule === 'missing-title') continue
      const mended = rows.map((row) => ({
        ...row,
        findings: row.findings.filter((one) => one.rule !== rule),
      }))
      expect(reportOf(mended).score - report.score).toBeCloseTo(gain, 1)
    }
    const gains = report.rules.map(({ gain }) => gain)
    expect(gains).toEqual([...gains].sort((a, b) => b - a))
  })
})

describe('counts', () => {
  it('of checks are qualified and unqualified items, with at most a hundred samples', () => {
    const report = reportOf(Array.from({ length: 150 }, (_, at) => good(`i${at}`, { url: '' })))
    const check = report.checks.find(({ key }) => key === 'has-valid-uri')!
    expect([check.qualified, check.unqualified, check.passed, check.samples.length]).toEqual([
      0,
      150,
      false,
      100,
    ])
    const variants = report.checks.find(({ key }) => key === 'variant-has-image')!
    expect([variants.qualified, variants.unqualified, variants.passed]).toEqual([0, 0, null])
  })
  it('of rules are items, though a rule speaks several times of one', () => {
    const row = { ...good('a'), findings: [warning('r'), { ...warning('r'), field: 'brand' }] }
    expect(reportOf([row, good('b')]).rules).toMatchObject([{ rule: 'r', items: 1, share: 0.5 }])
  })
  it('fit the schema, and JSON brings them back', () => {
    const report = reportOf([
      good('a', { title: '★ ★' }),
      refused(null),
      good('b', { expireTime: '2020-01-01T00:00:00.000Z' }),
    ])
    expect(QualityReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report)
  })
  it('take in rows of which only the number is known', () => {
    const reporter = createReporter({ learnt: startLearning().learn(), nowMs: NOW })
    reporter.add(good('a'))
    reporter.addRefused(3)
    const report = reporter.finish({ source: 'catalogue', hiddenShareMax: null })
    expect(report).toMatchObject({ received: 4, accepted: 1, quarantined: 3, score: 25, gate: null })
  })
})

describe('the gate', () => {
  it.each([
    [2, 10, true],
    [3, 10, false],
    [9, 9, true],
    [0, 0, true],
  ])('with %i of %i rows in quarantine: passed %s', (hidden, received, passed) => {
    expect(gateOf(hidden, received).passed).toBe(passed)
  })
  it('says why in one sentence', () => {
    expect(gateSentence(gateOf(43, 100), 'a.csv')).toBe(
      '"a.csv" would keep 43 % of its rows out of the shop, and at most 20 % may be: mend it, or pass --force.',
    )
    expect(gateOf(43, 100, 0.5).passed).toBe(true)
  })
})

describe('the page', () => {
  const section: ReportSection = {
    ...{ id: 'duplicates', title: 'Duplicates', summary: '3 groups were found.', severity: 'warn' },
    counts: [{ label: 'Groups', value: 3 }],
    samples: [{ subject: 'a, b', evidence: 'the same title & <brand>' }],
    trend: [
      {
        label: 'Groups',
        points: [
          { at: '2026-05-01T00:00:00.000Z', value: 5 },
          { at: '2026-06-01T00:00:00.000Z', value: 3 },
        ],
      },
    ],
  }
  const earlier = reportOf([refused('a')])
  const rows = [good('a', { title: '<script>alert(1)</script> & "lamp"', url: '' }), refused(null)]
  const page = renderHtml(reportOf(rows, { sections: [section], trend: [trendPoint(earlier)] }))
  it('needs no other file and no script', () => {
    expect(page).not.toMatch(/<script|<img|\son[a-z]+=|@import|url\(|src=/i)
    expect([...page.matchAll(/href="([^"]*)"/g)].map(([, target]) => target)).toEqual(['data:,', '#first'])
  })
  it('keeps text of the shop text', () => {
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;lamp&quot;')
    expect(page).toContain('the same title &amp; &lt;brand&gt;')
  })
  it('shows sections and the way from earlier reports', () => {
    expect(page).toContain('3 groups were found.')
    expect(page).toContain('<h2 id="trend">')
  })
  it('closes what it opens', () => {
    const open: string[] = []
    for (const [, close, tag] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(?:\/>|>)/g)) {
      if (['meta', 'link', 'br', 'polyline'].includes(tag!)) continue
      if (close) expect(open.pop()).toBe(tag)
      else open.push(tag!)
    }
    expect(open).toEqual([])
  })
  it('says so when a feed is refused', () => {
    const bad = Array.from({ length: 10 }, (_, at) => refused(`i${at}`))
    expect(renderHtml(reportOf(bad))).toContain('<strong>Refused.</strong>')
  })
  it('escapes every value but HTML', () => {
    expect(html`<b title="${`"'`}">${'<'}${null}${[html`<i>`, unescaped('&')]}</b>`.html).toBe(
      '<b title="&quot;&#39;">&lt;<i>&</b>',
    )
  })
})
