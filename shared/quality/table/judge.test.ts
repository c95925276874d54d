import { describe, expect, it } from 'vitest'
import { createRandom } from '../../lib/random.ts'
import type { Detector } from './detector.ts'
import { collectVerdicts, DETECTORS, judgeTable } from './judge.ts'
import { suggestRows } from './suggest.ts'
import { createTable } from './table.ts'

const NAMES = ['id', 'code', 'town', 'state']
/** Shops in towns, a town in a state. */
const shops = (count: number): string[][] =>
  Array.from({ length: count }, (_, at) => [
    String(at),
    `A-${100 + ((at * 37) % 400)}`,
    ['Hamburg', 'Bremen', 'Kassel', 'Dresden'][at % 4]!,
    ['HH', 'HB', 'HE', 'SN'][at % 4]!,
  ])
const suspectsOf = (rows: string[][], labels = new Map<number, string[]>()) =>
  judgeTable(createTable(NAMES, rows), labels).suspects

describe('judgeTable', () => {
  it('suspects nothing in a clean table', () => {
    expect(suspectsOf(shops(200))).toEqual([])
  })

  it('gives cell, reason, confidence and repair', () => {
    const rows = shops(200)
    rows[6]![2] = 'Kasxel'
    expect(suspectsOf(rows)).toEqual([
      {
        row: 6,
        column: 2,
        value: 'Kasxel',
        reason: expect.stringMatching(/spelling: 1 letter from "Kassel"/) as string,
        confidence: expect.closeTo(1, 1) as number,
        repair: 'Kassel',
      },
    ])
  })

  it.each([
    ['no row', [] as string[][]],
    ['one row', [['1', 'A-1', 'Bremen', 'HB']]],
    [
      'blank rows',
      [
        ['', '', '', ''],
        ['', '', '', ''],
      ],
    ],
    ['rows that are too short', [['1'], [], ['2', 'A-3']]],
  ])('takes %s', (_, rows) => {
    expect(suspectsOf(rows)).toEqual([])
  })

  it('leaves out a detector that throws, says so, and lets the others go on', () => {
    const broken: Detector = {
      id: 'broken',
      source: 'this test',
      // biome-ignore lint/correctness/useYield: it breaks before it finds anything
      *find() {
        throw new Error('no such thing')
      },
    }
    const rows = shops(200)
    rows[6]![2] = 'Kasxel'
    const { suspects, failed } = judgeTable(createTable(NAMES, rows), new Map(), [broken, ...DETECTORS])
    expect(suspects).toHaveLength(1)
    expect(failed).toEqual([{ detector: 'broken', reason: 'no such thing' }])
  })
})

describe('labels', () => {
  /** Codes in small letters are wrong, which no rule knows; names of towns in capitals are right, which one rule doubts. */
  const clean = shops(300)
  for (let at = 0; at < 300; at += 20) clean[at]![2] = clean[at]![2]!.toUpperCase()
  const dirty = clean.map((row, at) => (at % 3 === 0 ? row.with(1, row[1]!.toLowerCase()) : row))
  const isWrong = ({ row, column }: { row: number; column: number }) => column === 1 && row % 3 === 0
  const table = createTable(NAMES, dirty)
  const asked = suggestRows(table, collectVerdicts(table, new Map()).verdicts, 12)
  const labels = new Map(asked.map((row) => [row, clean[row]!]))

  it('are asked of different rows, as many as there are at most', () => {
    expect(new Set(asked).size).toBe(12)
    expect(suggestRows(createTable(NAMES, shops(5)), new Map(), 20)).toHaveLength(5)
  })

  it('teach an error that no rule knows, its repair, and that a rule is wrong here', () => {
    expect(suspectsOf(dirty).filter(isWrong)).toEqual([])
    const suspects = suspectsOf(dirty, labels)
    expect(suspects.filter((one) => !isWrong(one))).toEqual([])
    expect(suspects.map(({ row }) => row)).toEqual(dirty.flatMap((_, at) => (at % 3 === 0 ? [at] : [])))
    for (const { row, repair } of suspects) expect(repair).toBe(clean[row]![1])
  })

  it('decide the cells that they are given for', () => {
    const lied = new Map([[1, ['1', 'A-1', 'Bonn', 'NW']]])
    expect(suspectsOf(shops(60), lied).filter(({ row }) => row === 1)).toMatchObject([
      { column: 1, confidence: 1, repair: 'A-1' },
      { column: 2, confidence: 1, repair: 'Bonn' },
      { column: 3, confidence: 1, repair: 'NW' },
    ])
  })
})

it('finds the same in the same table, whatever the order of its rows', () => {
  const rows = shops(200)
  const random = createRandom(2)
  for (let n = 0; n < 12; n++) rows[Math.floor(random() * 200)]![2 + (n % 2)] = ['Kasxel', ''][n % 2]!
  const cells = (list: string[][]) =>
    suspectsOf(list).map(({ row, column, repair }) => `${list[row]![0]} ${column} ${repair}`)
  expect(cells([...rows].reverse()).sort()).toEqual(cells(rows).sort())
})
