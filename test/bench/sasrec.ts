/**
 * @file How well, and how fast, the sequence model learns: trained on all but the last item of each history of a file, then asked
 * for that item among all of the catalogue, those of the history left out.
 *
 *   node test/bench/sasrec.ts --sequences FILE [--items FILE] [--cold SHARE] [--settings JSON] [--seed N] [--minutes N]
 *                             [--threads N] [--out DIR] [--json] [--smoke]
 *
 * `--sequences`: a user a line, `user item item …`, items from 1. `--items`: TSV `item_id … title … brand_and_categories`, whose
 * texts give items a vector. `--cold 0.1` hides a tenth of the items, with all their events, from training. With
 * `--smoke`, and where no file is named, the histories are made up.
 */
import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { ItemText } from '../../gpu-worker/recommend/item-text.ts'
import type { Sequences } from '../../gpu-worker/recommend/next-item.ts'
import type { SasrecSettings } from '../../gpu-worker/recommend/sasrec/settings.ts'
import { textVectors } from '../../gpu-worker/recommend/sasrec/text-space.ts'
import { trainSasrec } from '../../gpu-worker/recommend/sasrec/train.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { commit, machine } from './measure.ts'

export type SasrecBench = {
  data: Sequences
  texts?: readonly ItemText[]
  settings: Partial<SasrecSettings>
  /** Share of the items hidden from training. */
  cold: number
  seed: number
  threads: number
  minutes?: number
  out?: string
  onProgress?(text: string): void
}
export type Accuracy = { users: number; hr: number; ndcg: number }
export type SasrecReport = {
  machine: string
  commit: string
  items: number
  trainSeconds: number
  /** Over all users, at 10; then over those whose next item is warm, and cold. */
  all: Accuracy
  warm: Accuracy
  cold: Accuracy
  /** Of those whose next item is warm, if cold items were never shown. */
  warmAlone: Accuracy
}

const TOP = 10
const TEXT_SIZE = 256
const SCORED_AT_ONCE = 512

export async function measureSasrec(bench: SasrecBench): Promise<SasrecReport> {
  const { data, settings, cold, seed, threads, minutes, texts, out, onProgress } = bench
  const random = createRandom(seed)
  const isCold = Array.from({ length: data.itemCount }, () => random() < cold)
  const users = data.sequences
    .filter(({ length }) => length >= 3)
    .map((items) => ({ history: items.slice(0, -1).filter((item) => !isCold[item]), next: items.at(-1)! }))
  const from = performance.now()
  const { model, save } = await trainSasrec(
    { itemCount: data.itemCount, sequences: users.map(({ history }) => history) },
    {
      settings,
      seed,
      threads,
      ...(texts ? { itemVectors: textVectors(texts, { size: TEXT_SIZE, seed }) } : {}),
      ...(minutes === undefined ? {} : { minutes }),
      onProgress: ({ step, steps, loss }) => {
        if (step % 100 === 0 || step === steps)
          onProgress?.(`step ${step} of ${steps}, loss ${loss.toFixed(3)}`)
      },
    },
  )
  const trainSeconds = Math.round((performance.now() - from) / 1_000)
  if (out) await save(out)

  const none = (): Accuracy => ({ users: 0, hr: 0, ndcg: 0 })
  const sums = { all: none(), warm: none(), cold: none(), warmAlone: none() }
  for (let at = 0; at < users.length; at += SCORED_AT_ONCE) {
    const part = users.slice(at, at + SCORED_AT_ONCE)
    const scores = await model.score(part.map(({ history }) => history))
    part.forEach(({ history, next }, index) => {
      const all = scores[index]!
      for (const item of history) if (item !== next) all[item] = Number.NEGATIVE_INFINITY
      const rank = rankOf(all, next)
      add(sums.all, rank)
      add(isCold[next] ? sums.cold : sums.warm, rank)
      if (!isCold[next])
        add(
          sums.warmAlone,
          rankOf(
            all.map((x, item) => (isCold[item] ? Number.NEGATIVE_INFINITY : x)),
            next,
          ),
        )
    })
  }
  await model.close()
  const mean = ({ users: count, hr, ndcg }: Accuracy): Accuracy => ({
    users: count,
    hr: hr / Math.max(1, count),
    ndcg: ndcg / Math.max(1, count),
  })
  return {
    machine: machine(),
    commit: commit(),
    items: data.itemCount,
    trainSeconds,
    all: mean(sums.all),
    warm: mean(sums.warm),
    cold: mean(sums.cold),
    warmAlone: mean(sums.warmAlone),
  }
}

/** From 1; of equals all come before. */
function rankOf(scores: Float32Array, next: number): number {
  const own = scores[next]!
  let rank = 1
  scores.forEach((score, item) => {
    if (score >= own && item !== next) rank++
  })
  return rank
}

function add(sum: Accuracy, rank: number): void {
  sum.users++
  if (rank > TOP) return
  sum.hr++
  sum.ndcg += 1 / Math.log2(rank + 1)
}

/** Walks over a ring of items, a few steps at a time. */
export function madeUpSequences(itemCount: number, users: number, seed: number): Sequences {
  const random = createRandom(seed)
  const sequences = Array.from({ length: users }, () => {
    let item = Math.floor(random() * itemCount)
    return Uint32Array.from({ length: 4 + Math.floor(random() * 6) }, () => {
      item = (item + 1 + Math.floor(random() * 3)) % itemCount
      return item
    })
  })
  return { itemCount, sequences }
}
export const SMOKE: SasrecBench = {
  data: madeUpSequences(60, 200, 1),
  settings: {
    hidden: 16,
    inner: 16,
    positions: 8,
    rows: 8,
    rowLength: 16,
    epochs: 8,
    rate: 0.01,
    dropout: 0,
  },
  cold: 0,
  seed: 1,
  threads: 1,
}

async function readSequences(path: string): Promise<Sequences> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  const sequences = lines.map((line) =>
    Uint32Array.from(line.split(' ').slice(1), (item) => Number(item) - 1),
  )
  const itemCount = 1 + sequences.reduce((most, items) => items.reduce((a, b) => Math.max(a, b), most), 0)
  return { itemCount, sequences }
}

/** In the order of the items; one that the file does not name says nothing. */
async function readItemTexts(path: string, itemCount: number): Promise<ItemText[]> {
  const texts = new Array<ItemText>(itemCount).fill({ title: '', labels: [] })
  const [names, ...rows] = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
  const column = (name: string) => names!.indexOf(name)
  const [id, title, labels] = [column('item_id'), column('title'), column('brand_and_categories')]
  for (const row of rows) texts[Number(row[id]) - 1] = { title: row[title]!, labels: row[labels]!.split('|') }
  return texts
}

async function benchOf(options: {
  sequences?: string | undefined
  items?: string | undefined
  settings: string
  cold: string
  seed: string
  threads: string
  minutes?: string | undefined
  out?: string | undefined
}): Promise<SasrecBench> {
  const data = options.sequences ? await readSequences(options.sequences) : madeUpSequences(2_000, 5_000, 1)
  const threads = Number(options.threads)
  return {
    data,
    settings: JSON.parse(options.settings),
    cold: Number(options.cold),
    seed: Number(options.seed),
    threads,
    ...(options.items ? { texts: await readItemTexts(options.items, data.itemCount) } : {}),
    ...(options.minutes ? { minutes: Number(options.minutes) } : {}),
    ...(options.out ? { out: options.out } : {}),
    onProgress: (text) => console.error(text),
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      sequences: { type: 'string' },
      items: { type: 'string' },
      settings: { type: 'string', default: '{}' },
      cold: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      threads: { type: 'string', default: String(cpus().length) },
      minutes: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean' },
      smoke: { type: 'boolean' },
    },
  })
  const report = await measureSasrec(values.smoke ? SMOKE : await benchOf(values))
  if (values.json) console.log(JSON.stringify(report))
  else {
    const row = (name: string, value: string | number) => console.log(`${name.padEnd(28)} ${value}`)
    row('machine', report.machine)
    row('items', report.items)
    row('training, s', report.trainSeconds)
    const names = {
      all: 'all',
      warm: 'next is warm',
      warmAlone: 'the same, no cold shown',
      cold: 'next is cold',
    }
    for (const [slice, name] of Object.entries(names)) {
      const { users, hr, ndcg } = report[slice as keyof typeof names]
      if (users > 0 && (slice === 'all' || report.cold.users > 0))
        row(`${name}, ${users}`, `HR@10 ${hr.toFixed(4)}   NDCG@10 ${ndcg.toFixed(4)}`)
    }
    row('recall@10 by chance', (TOP / report.items).toFixed(5))
  }
  process.exit(0)
}
