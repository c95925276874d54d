/**
 * @file How well records are matched: pairs learnt from labels, and two tables without any, against what people know.
 *
 *   node test/bench/match.ts [--only NAME,…] [--json]
 *
 * Sets in `AISLE_DATA`/matching (default ../shared/data). Labels of a test file are read here, after the command has written what it thinks.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { match } from '../../infra/cli/match.ts'
import { renderTable } from '../../infra/cli/table.ts'
import { commit, machine } from './measure.ts'

const DATA = join(process.env['AISLE_DATA'] ?? join(import.meta.dirname, '../../../shared/data'), 'matching')
/** Train and validation files of each set. */
const PAIRS: Record<string, [train: string, valid: string]> = {
  'abt-buy': ['train.txt.gz', 'valid.txt.gz'],
  'walmart-amazon': ['train.txt.gz', 'valid.txt.gz'],
  'walmart-amazon-dirty': ['train.txt.gz', 'valid.txt.gz'],
  'wdc-cameras': ['train.txt.small.gz', 'valid.txt.small.gz'],
  'wdc-computers': ['train.txt.small.gz', 'valid.txt.small.gz'],
}
const TABLES = 'abt-buy-tables'

type Row = { set: string; precision: number; recall: number; f1: number; seconds: number }

function scored(set: string, right: number, said: number, wanted: number, seconds: number): Row {
  return { set, precision: right / said, recall: right / wanted, f1: (2 * right) / (said + wanted), seconds }
}

async function judgePairs(set: string, folder: string): Promise<Row> {
  const file = (name: string) => join(DATA, set, name)
  const [train, valid] = PAIRS[set]!.map(file) as [string, string]
  const out = join(folder, 'pairs.txt')
  const { seconds } = await match({ pairs: file('test.txt.gz'), train, valid, out, quiet: true })
  const isYes = (line: string) => line.endsWith('\t1')
  const truth = gunzipSync(readFileSync(file('test.txt.gz')))
    .toString()
    .trimEnd()
    .split('\n')
    .map(isYes)
  const said = readFileSync(out, 'utf8').trimEnd().split('\n').map(isYes)
  const count = (values: readonly boolean[]) => values.filter(Boolean).length
  const right = count(truth.map((yes, at) => yes && said[at]!))
  return scored(set, right, count(said), count(truth), seconds)
}

async function linkTables(folder: string): Promise<Row> {
  const out = join(folder, 'links.csv')
  const [left, right] = ['Abt.csv', 'Buy.csv'].map((name) => join(DATA, TABLES, name)) as [string, string]
  const { seconds } = await match({ left, right, out, quiet: true })
  const pairsOf = (path: string) =>
    readFileSync(path, 'latin1')
      .trimEnd()
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.replaceAll('"', '').split(',').slice(0, 2).join())
  const truth = new Set(pairsOf(join(DATA, TABLES, 'abt_buy_perfectMapping.csv')))
  const said = pairsOf(out)
  return scored(
    `${TABLES}, no labels`,
    said.filter((pair) => truth.has(pair)).length,
    said.length,
    truth.size,
    seconds,
  )
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } })
  if (!existsSync(DATA)) {
    console.log(`Skipped: there is no ${DATA}.`)
    process.exit(0)
  }
  const folder = mkdtempSync(join(tmpdir(), 'aisle-match-'))
  const rows: Row[] = []
  try {
    const isWanted = (set: string) => values.only?.split(',').includes(set) ?? true
    for (const set of Object.keys(PAIRS)) if (isWanted(set)) rows.push(await judgePairs(set, folder))
    if (isWanted(TABLES)) rows.push(await linkTables(folder))
  } finally {
    rmSync(folder, { recursive: true })
  }
  if (values.json) console.log(JSON.stringify({ machine: machine(), commit: commit(), rows }))
  else {
    console.log(`${machine()}, commit ${commit()}`)
    const cells = ({ set, precision, recall, f1, seconds }: Row) => [
      set,
      ...[precision, recall, f1].map((one) => one.toFixed(3)),
      String(seconds),
    ]
    console.log(renderTable(['set', 'precision', 'recall', 'F1', 's'], rows.map(cells)))
  }
  process.exit(0)
}
