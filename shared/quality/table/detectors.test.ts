import { describe, expect, it } from 'vitest'
import { createRandom } from '../../lib/random.ts'
import { arithmetic } from './arithmetic.ts'
import { composed } from './composed.ts'
import { damage } from './damage.ts'
import { dates } from './dates.ts'
import { dependency } from './dependency.ts'
import type { Detector } from './detector.ts'
import { merged } from './merged.ts'
import { misplaced } from './misplaced.ts'
import { missing } from './missing.ts'
import { outlier } from './outlier.ts'
import { shape } from './shape.ts'
import { findReports, sources } from './sources.ts'
import { editsBetween, spelling } from './spelling.ts'
import { createTable } from './table.ts'
import { unit } from './unit.ts'
import { variant } from './variant.ts'

type Found = { row: number; column: number; repair: string | undefined }
/** Cells that a detector suspects, by itself. */
function suspected(detector: Detector, rows: string[][], confidence = 0.5): Found[] {
  const table = createTable(
    rows[0]!.map((_, at) => `c${at}`),
    rows,
  )
  return [...detector.find(table, new Map())]
    .filter(({ verdict }) => verdict.confidence >= confidence)
    .map(({ row, column, verdict }) => ({ row, column, repair: verdict.repair }))
}
/** A table of one column beside a key. */
const column = (...values: string[]): string[][] => values.map((value, at) => [String(at), value])
const times = (count: number, value: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => value(at))
const cell = (row: number, repair?: string): Found => ({ row, column: 1, repair })

describe('missing', () => {
  it('finds words where the table leaves cells blank', () => {
    expect(suspected(missing, column('5', 'N/A', '', '7'))).toEqual([cell(1, '')])
  })
  it('leaves the commonest word alone where no cell is blank', () => {
    expect(suspected(missing, column('5', 'empty', 'empty', 'n/a'))).toEqual([cell(3, 'empty')])
  })
  it('takes a code that looks as the others do for a code', () => {
    expect(suspected(missing, column('DE', 'NA', 'FR', 'IT', ''))).toEqual([])
  })
})

describe('unit', () => {
  it('finds units in a column of bare numbers', () => {
    expect(suspected(unit, column('5', '6', '7.0', '8 kg'))).toEqual([cell(3, '8')])
  })
  it('finds a unit that is spelt in several ways', () => {
    const found = suspected(unit, column('12.0 oz', '12.0 oz.', '16 ounce', '12 OZ', '16 oz'))
    expect(found.map(({ repair }) => repair)).toEqual(['12', '12', '16', '12', '16'])
  })
  it('leaves one unit, spelt one way, alone', () => {
    expect(suspected(unit, column(...times(20, (at) => `${at + 1} patients`)))).toEqual([])
  })
  it('does not make kilograms of grams', () => {
    const found = suspected(unit, column(...times(9, (at) => `${at + 1}`), '4000 g'))
    expect(found).toEqual([cell(9)])
  })
  it('takes house numbers for no measure', () => {
    expect(
      suspected(
        unit,
        column(...times(60, (at) => `${at} Street ${'abcdefgh'[at % 8]}${'ijklmnop'[at >> 3]}`)),
      ),
    ).toEqual([])
  })
})

it('shape finds what breaks the pattern of a column of codes', () => {
  expect(suspected(shape, column(...times(200, (at) => `${at % 90}%`), 'x5%'))).toEqual([cell(200)])
  expect(
    suspected(shape, column(...times(200, (at) => 'word '.repeat(1 + (at % 5)).trim()), 'Word!')),
  ).toEqual([])
})

describe('spelling', () => {
  const towns = [...times(30, () => 'birmingham'), ...times(30, () => 'huntsville')]
  it('finds a rare value near a frequent one', () => {
    expect(suspected(spelling, column(...towns, 'birminghxm'))).toEqual([cell(60, 'birmingham')])
  })
  it('takes other digits, other forms and other known words for other values', () => {
    const codes = [...times(30, () => 'scip-inf-1'), 'scip-inf-2']
    const forms = [...times(30, () => 'patient'), 'patients']
    const names = [
      ...times(30, () => 'brown stout'),
      ...times(5, () => 'brown scout'),
      ...times(5, () => 'red scout'),
    ]
    for (const values of [codes, forms, names]) expect(suspected(spelling, column(...values))).toEqual([])
  })
  it('counts edits as Damerau does', () => {
    expect(editsBetween('abcd', 'abdc', 2)).toBe(1)
    expect(editsBetween('abcd', 'axcde', 2)).toBe(2)
    expect(editsBetween('abcd', 'xyzw', 2)).toBeNull()
    expect(editsBetween('', 'ab', 2)).toBe(2)
  })
})

it('variant finds another writing of a frequent value', () => {
  expect(suspected(variant, column(...times(20, () => 'eng'), 'ENG'))).toEqual([cell(20, 'eng')])
})

it('merged finds a field that slipped into its neighbour', () => {
  const rows = [...times(8, (at) => `Town ${at}`)].map((town, at) => [town, ['OR', 'CA'][at % 2]!])
  const slipped = [
    ['Portland OR', ''],
    ['San Diego CA', ''],
    ['Salem OR', ''],
  ]
  const found = suspected(merged, [...rows, ...slipped])
  expect(found).toContainEqual({ row: 8, column: 0, repair: 'Portland' })
  expect(found).toContainEqual({ row: 8, column: 1, repair: 'OR' })
  expect(found).toHaveLength(6)
})

it('misplaced finds a value of another column', () => {
  const rows = times(40, (at) => String(at)).map((_, at) => [`town${at % 4}`, `land${at % 5}`])
  expect(suspected(misplaced, [...rows, ['land3', 'land1']])).toEqual([
    { row: 40, column: 0, repair: undefined },
  ])
})

it('outlier finds a slipped decimal point, and no tail of a skewed column', () => {
  const prices = times(100, (at) => (5 + (at % 40) / 4).toFixed(2))
  expect(suspected(outlier, column(...prices, '8500.00')).map(({ row }) => row)).toEqual([100])
  expect(suspected(outlier, column(...times(100, (at) => String(1.1 ** at))))).toEqual([])
})

describe('damage', () => {
  const clean = times(20, (at) => `${at}-${at + 9}`)
  it.each([
    ['a wrong decoding', 'CafÃ©', 'Café'],
    ['escaped marks', 'a &quot;b&quot;', 'a "b"'],
    ['an error of a spreadsheet', '#REF!', undefined],
    ['a guessed date', '10-May', '5-10'],
    ['white space at the edge', '7-9 ', '7-9'],
    ['a lost letter', 'Caf\ufffd', undefined],
    ['a control character', 'a\u0007b', 'ab'],
  ])('finds %s', (_, value, repair) => {
    expect(suspected(damage, column(...clean, value))).toEqual([cell(20, repair)])
  })
  it('leaves alone what a whole column has', () => {
    expect(suspected(damage, column(...times(20, (at) => `a &amp; ${at}`)))).toEqual([])
  })
})

it('dates finds the form that the column does not have', () => {
  const iso = times(30, (at) => `2024-01-${String((at % 28) + 1).padStart(2, '0')}`)
  expect(suspected(dates, column(...iso, '31.12.2023', 'soon'))).toEqual([cell(30, '2023-12-31'), cell(31)])
})

it('arithmetic finds a sum that is none', () => {
  const rows = times(40, String).map((_, at) => [String(at + 1), String(at * 3 + 2), String(at * 4 + 3)])
  expect(suspected(arithmetic, [...rows, ['10', '5', '51']])).toContainEqual({
    row: 40,
    column: 2,
    repair: '15',
  })
})

it('composed finds a code that is not made of its parts, and vouches for one that is', () => {
  const rows = times(40, String).map((_, at) => [`s${at % 2}x`, `m-${at}`, `s${at % 2}x_m-${at}`])
  expect(suspected(composed, [...rows, ['s1x', 'm-7', 's0x_m-7']])).toEqual([
    { row: 40, column: 2, repair: 's1x_m-7' },
  ])
})

describe('dependency', () => {
  const shops = times(60, String).map((_, at) => [`shop ${at % 6}`, `town ${at % 6}`, String(at)])
  it('finds the cell that breaks a function of another column, and what it lacks', () => {
    const rows = [...shops, ['shop 2', 'town 9', '60'], ['shop 3', '', '61']]
    expect(suspected(dependency, rows)).toEqual([
      { row: 60, column: 1, repair: 'town 2' },
      { row: 61, column: 1, repair: 'town 3' },
    ])
  })
  it('believes that a value may belong to two groups', () => {
    const rows = [...shops, ...times(3, () => '').map(() => ['shop 2', 'town 8', '60'])]
    expect(suspected(dependency, rows)).toEqual([])
  })
  it('finds none between columns that have nothing to do with each other', () => {
    const random = createRandom(3)
    const rows = times(200, () => '').map(() => [
      `a${Math.floor(random() * 9)}`,
      `b${Math.floor(random() * 9)}`,
    ])
    expect(suspected(dependency, rows)).toEqual([])
  })
})

describe('sources', () => {
  // Twelve sources on twenty entities: three are right, six are wrong half the time, three copy each other's errors.
  const random = createRandom(5)
  const rows = times(240, String).map((_, at) => {
    const [entity, source] = [at % 20, Math.floor(at / 20)]
    const isCopy = source >= 9
    const wrong = isCopy ? entity % 2 === 0 : source >= 3 && random() < 0.5
    const other = isCopy ? 7 : 1 + Math.floor(random() * 5)
    return [`e${entity}`, `s${source}`, `value ${entity * 10 + (wrong ? other : 0)}`, `name ${entity}`]
  })
  it('are found with the entity that they report on', () => {
    const table = createTable(['e', 's', 'v', 'n'], rows)
    expect(findReports(table)).toMatchObject({ entity: 0, source: 1, attributes: [2, 3] })
  })
  it('that err, alike or each alone, are not believed', () => {
    const found = suspected(sources, rows)
    const wrong = rows.flatMap((row, at) => (row[2] === `value ${(at % 20) * 10}` ? [] : [at]))
    expect(found.map(({ row }) => row)).toEqual(wrong)
  })
  it('believe a label of the entity', () => {
    const table = createTable(['e', 's', 'v', 'n'], rows)
    const labels = new Map([[0, ['e0', 's0', 'value 3', 'name 0']]])
    const said = [...sources.find(table, labels)].filter(({ row, column: at }) => row % 20 === 0 && at === 2)
    expect(said.map(({ verdict }) => verdict.repair)).toEqual(said.map(() => 'value 3'))
  })
})
