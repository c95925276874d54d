/** @file The report as one page of HTML that needs no other file and no script: opened from disk, sent by mail, printed. */
import type { FieldValue, Finding } from '../../schema/item.ts'
import type {
  CategoryScore,
  CheckCount,
  Example,
  QualityReport,
  ReportSection,
  RuleCount,
} from '../../schema/quality-report.ts'
import { type Gate, gateSentence } from './gate.ts'
import { type Html, html, unescaped } from './html.ts'
import { STYLE } from './style.ts'

const FIRST_MAX = 10
const CATEGORIES_SHOWN_MAX = 40
const VALUE_CHARS_MAX = 120

export function renderHtml(report: QualityReport): string {
  const fixFirst = report.rules.filter(({ gain }) => gain > 0).slice(0, FIRST_MAX)
  const others = report.rules.filter((rule) => !fixFirst.includes(rule))
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data quality of ${report.source}</title>
<link rel="icon" href="data:,">
<style>${unescaped(STYLE)}</style>
</head>
<body>
<a class="skip" href="#first">To what to fix first</a>
<header>
<h1>Data quality of ${report.source}</h1>
<p class="soft">${date(report.createdAt)}</p>
${figures(report)}
${report.gate && gate(report.gate, report.source)}
</header>
<main>
<section aria-labelledby="first">
<h2 id="first" tabindex="-1">What to fix first</h2>
<p class="soft">By gain: the points that the score would rise by if this alone were mended on every item.</p>
${fixFirst.length === 0 ? html`<p>No rule found anything that lowers the score.</p>` : ruleCards(fixFirst)}
</section>
${checks(report.checks)}
${report.sections.map(section)}
${others.length === 0 ? null : html`<section aria-labelledby="others"><h2 id="others">Also noticed</h2>${ruleCards(others)}</section>`}
${categories(report.categories, report.score)}
${trend(report)}
${failed(report.failedRules)}
${method(report.weighsViews)}
</main>
</body>
</html>
`.html
}

const figures = ({ score, received, accepted, quarantined, trend: earlier }: QualityReport): Html => {
  const before = earlier.at(-1)
  const change = before
    ? html` <small>${signed(score - before.score)} since ${date(before.at)}</small>`
    : null
  return html`<dl class="figures">
<div><dt>Score</dt><dd class="${grade(score)}">${score.toFixed(1)}<small>of 100, ${word(score)}</small>${change}</dd></div>
<div><dt>Rows</dt><dd>${whole(received)}</dd></div>
<div><dt>Accepted</dt><dd>${whole(accepted)}</dd></div>
<div><dt>In quarantine</dt><dd>${whole(quarantined)}</dd></div>
</dl>`
}

const gate = ({ passed, hiddenShare, hiddenShareMax }: Gate, source: string): Html =>
  passed
    ? html`<p>The feed may go in: <span class="good">${percent(hiddenShare)}</span> of its rows would be kept out of the shop, at most ${percent(hiddenShareMax)} may be.</p>`
    : html`<p role="alert" class="card poor"><strong>Refused.</strong> ${gateSentence({ passed, hiddenShare, hiddenShareMax }, source)}</p>`

const ruleCards = (rules: readonly RuleCount[]): Html => {
  const most = Math.max(...rules.map(({ gain }) => gain), Number.MIN_VALUE)
  return html`<ol class="cards">${rules.map((rule) => ruleCard(rule, most))}</ol>`
}

const ruleCard = (rule: RuleCount, gainMax: number): Html => html`<li class="card">
<div class="row"><h3><code>${rule.rule}</code></h3><span class="tag ${severityGrade(rule.severity)}">${severityWord(rule.severity)}</span></div>
<p>${rule.message}</p>
<div class="row soft"><span>${whole(rule.items)} ${rule.items === 1 ? 'item' : 'items'}, ${percent(rule.share)}</span><span>${rule.gain > 0 ? `gain ${rule.gain.toFixed(2)} points` : 'no gain left'}</span></div>
${rule.gain > 0 ? bar(rule.gain / gainMax, severityGrade(rule.severity)) : null}
${repairs(rule)}
${rule.examples.length === 0 ? null : html`<details><summary>${rule.examples.length} of ${whole(rule.items)}: examples</summary><ul class="samples">${rule.examples.map(example)}</ul></details>`}
</li>`

const repairs = ({ repaired, proposed }: RuleCount): Html | null => {
  const parts = [
    ...(repaired > 0 ? [`${whole(repaired)} repaired on the way in, each can be taken back`] : []),
    ...(proposed > 0 ? [`${whole(proposed)} with a proposal`] : []),
  ]
  return parts.length === 0 ? null : html`<p class="soft">${parts.join('; ')}.</p>`
}

const example = ({
  itemId,
  title,
  evidence,
  repair,
}: Example): Html => html`<li><code>${itemId ?? 'no id'}</code> ${title}
${evidence === undefined || evidence === title ? null : html`<br><span class="soft">${evidence}</span>`}
${
  repair === undefined
    ? null
    : html`<br><span class="good">${repair.original === undefined ? 'Proposed' : 'Repaired'} (${percent(repair.confidence)} sure): ${value(repair.value)}</span>`
}</li>`

const checks = (counts: readonly CheckCount[]): Html => html`<section aria-labelledby="checks">
<h2 id="checks">The eight checks of commerce search</h2>
<p class="soft">Those that Google’s commerce search makes of a catalogue; the mark on a bar is the suggested share.</p>
<ul class="cards">${counts.map(check)}</ul>
</section>`

const check = ({ key, sentence, qualified, unqualified, threshold, passed, samples }: CheckCount): Html => {
  const of = qualified + unqualified
  const share = of === 0 ? 0 : qualified / of
  const kind = passed === null ? 'soft' : passed ? 'good' : 'poor'
  const verdict = passed === null ? 'no such items' : passed ? 'reached' : 'below the suggestion'
  return html`<li class="card">
<div class="row"><h3><code>${key}</code></h3><span class="tag ${kind}">${verdict}</span></div>
<p>${sentence}</p>
<div class="row soft"><span>${whole(qualified)} qualified, ${whole(unqualified)} not</span><span>${of === 0 ? '–' : percent(share)} of ${threshold} %</span></div>
${of === 0 ? null : bar(share, kind, threshold / 100)}
${
  samples.length === 0
    ? null
    : html`<details><summary>${samples.length} of ${whole(unqualified)} that fail</summary><ul class="samples">${samples.map(({ itemId, title }) => html`<li><code>${itemId}</code> ${title}</li>`)}</ul></details>`
}</li>`
}

const section = ({
  id,
  title,
  summary,
  severity,
  counts,
  samples,
  trend: lines = [],
}: ReportSection): Html => html`<section aria-labelledby="section-${id}">
<h2 id="section-${id}">${title}</h2>
<p><span class="tag ${severityGrade(severity)}">${severityWord(severity)}</span> ${summary}</p>
${counts.length === 0 ? null : html`<dl class="figures">${counts.map(({ label, value: number, unit = '' }) => html`<div><dt>${label}</dt><dd>${amount(number)}<small> ${unit}</small></dd></div>`)}</dl>`}
${lines.map(({ label, points }) => html`<h3>${label}</h3>${chart(label, points)}`)}
${
  samples.length === 0
    ? null
    : html`<details><summary>${samples.length} examples</summary><ul class="samples">${samples.map(({ subject, evidence }) => html`<li><code>${subject}</code> <span class="soft">${evidence}</span></li>`)}</ul></details>`
}
</section>`

const categories = (scores: readonly CategoryScore[], total: number): Html | null => {
  if (scores.length < 2) return null
  const shown = scores.slice(0, CATEGORIES_SHOWN_MAX)
  return html`<section aria-labelledby="categories">
<h2 id="categories">Score by category</h2>
<p class="soft">Most items first${scores.length > shown.length ? `, ${shown.length} of ${scores.length}` : ''}. All together: ${total.toFixed(1)}.</p>
<div class="scroll" role="region" aria-labelledby="categories" tabindex="0"><table>
<thead><tr><th scope="col">Category</th><th scope="col" class="number">Items</th><th scope="col" class="number">Score</th><th scope="col">Costs most</th></tr></thead>
<tbody>${shown.map(
    ({ category, items, score, worst }) =>
      html`<tr><th scope="row">${category || 'without a category'}</th><td class="number">${whole(items)}</td><td class="number ${grade(score)}">${score.toFixed(1)}</td><td>${worst === null ? '–' : html`<code>${worst}</code>`}</td></tr>`,
  )}</tbody>
</table></div>
</section>`
}

const trend = ({ trend: earlier, createdAt, score }: QualityReport): Html | null =>
  earlier.length === 0
    ? null
    : html`<section aria-labelledby="trend">
<h2 id="trend">Trend</h2>
${chart('Score', [...earlier.map(({ at, score: then }) => ({ at, value: then })), { at: createdAt, value: score }])}
</section>`

/** A line over time, and the same as a table for whoever does not see it. */
const chart = (label: string, points: readonly { at: string; value: number }[]): Html => {
  if (points.length === 0) return html``
  const times = points.map(({ at }) => Date.parse(at))
  const values = points.map(({ value: one }) => one)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const x = (time: number) => 2 + (96 * (time - times[0]!)) / Math.max(1, times.at(-1)! - times[0]!)
  const y = (one: number) => 90 - (80 * (one - low)) / Math.max(1e-9, high - low)
  const line = points
    .map(({ value: one }, at) => `${x(times[at]!).toFixed(2)},${y(one).toFixed(2)}`)
    .join(' ')
  return html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${label}: ${amount(values[0]!)} on ${date(points[0]!.at)}, ${amount(values.at(-1)!)} on ${date(points.at(-1)!.at)}">
<polyline points="${line}" fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke"/></svg>
<p class="soft">${date(points[0]!.at)} to ${date(points.at(-1)!.at)}, between ${amount(low)} and ${amount(high)}.</p>
<details><summary>As a table</summary><table><thead><tr><th scope="col">Day</th><th scope="col" class="number">${label}</th></tr></thead><tbody>${points.map(({ at, value: one }) => html`<tr><td>${date(at)}</td><td class="number">${amount(one)}</td></tr>`)}</tbody></table></details>`
}

const failed = (reasons: QualityReport['failedRules']): Html | null =>
  Object.keys(reasons).length === 0
    ? null
    : html`<section aria-labelledby="failed"><h2 id="failed">Rules that broke</h2>
<p>They said nothing about this catalogue; the others did.</p>
<ul class="samples">${Object.entries(reasons).map(([rule, reason]) => html`<li><code>${rule}</code> ${reason}</li>`)}</ul></section>`

const method = (weighsViews: boolean): Html => html`<section aria-labelledby="method">
<h2 id="method">How it is counted</h2>
<p>An item starts at 100 points. A rule that keeps it out of the shop takes all of them, a warning 25, a remark 5; a rule counts once an item, and an item cannot fall below zero. A repair that was made takes nothing.</p>
<p>The score is the mean over all rows${weighsViews ? ', each weighed by one plus the times that shoppers looked at it' : ''}. The gain of a rule is what that mean would rise by if the rule alone were mended everywhere.</p>
</section>`

const bar = (share: number, kind: string, mark?: number): Html =>
  html`<div class="bar ${kind}" aria-hidden="true"><span style="width:${(100 * share).toFixed(1)}%"></span>${mark === undefined ? null : html`<i style="left:${(100 * mark).toFixed(1)}%"></i>`}</div>`

const grade = (score: number): string => (score >= 90 ? 'good' : score >= 70 ? 'fair' : 'poor')
const word = (score: number): string => (score >= 90 ? 'good' : score >= 70 ? 'fair' : 'poor')
const severityGrade = (severity: Finding['severity']): string =>
  severity === 'quarantine' ? 'poor' : severity === 'warn' ? 'fair' : 'soft'
const severityWord = (severity: Finding['severity']): string =>
  severity === 'quarantine' ? 'kept out' : severity === 'warn' ? 'warning' : 'remark'

const date = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
const whole = (count: number): string => count.toLocaleString('en')
const amount = (number: number): string => number.toLocaleString('en', { maximumFractionDigits: 3 })
const percent = (share: number): string =>
  `${(100 * share).toLocaleString('en', { maximumFractionDigits: share > 0 && share < 0.01 ? 2 : 1 })} %`
const signed = (change: number): string => `${change >= 0 ? '+' : '−'}${Math.abs(change).toFixed(1)}`
const value = (one: FieldValue): string => {
  if (one === null) return 'nothing'
  const text = Array.isArray(one) ? one.join(', ') : String(one)
  return text === '' ? 'nothing' : text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text
}
