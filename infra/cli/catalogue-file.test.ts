import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cleanItem } from '../../shared/quality/clean.ts'
import { applyFieldMap, FieldMap } from '../../shared/quality/field-map.ts'
import { ROW_BYTES_MAX, readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'

const DATA = process.env['AISLE_DATA'] ?? '../shared/data'
const ICECAT = join(DATA, 'icecat/products.ndjson.gz')
const HOME_DEPOT = join(DATA, 'homedepot/products.csv')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aisle-catalogue-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Row = Record<string, unknown>
function file(content: string | Uint8Array, name = 'catalogue'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
async function rowsOf(path: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const { row } of readCatalogue(path)) rows.push(row)
  return rows
}
const read = (content: string | Uint8Array, name?: string) => rowsOf(file(content, name))
/** The rows before the fault, and the sentence of the fault. */
async function readUntilFailure(path: string): Promise<{ rows: Row[]; failure: string }> {
  const rows: Row[] = []
  try {
    for await (const { row } of readCatalogue(path)) rows.push(row)
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    return { rows, failure: (error as Failure).message }
  }
  throw new Error('read to its end')
}
const failureOf = async (content: string | Uint8Array, name?: string) =>
  (await readUntilFailure(file(content, name))).failure

const LAMP = { id: '1', title: 'Lamp' }
const SOFA = { id: '2', title: 'Sofa "Ö" 🛋️' }
const FORMS: [string, string][] = [
  ['NDJSON', `${JSON.stringify(LAMP)}\n${JSON.stringify(SOFA)}\n`],
  ['a JSON array', JSON.stringify([LAMP, SOFA], null, 2)],
  ['CSV', 'id,title\n1,Lamp\n2,"Sofa ""Ö"" 🛋️"\n'],
  ['CSV with semicolons', 'id;title\n1;Lamp\n2;"Sofa ""Ö"" 🛋️"\n'],
  ['CSV with bars', 'id|title\n1|Lamp\n2|"Sofa ""Ö"" 🛋️"\n'],
  ['TSV', 'id\ttitle\n1\tLamp\n2\tSofa "Ö" 🛋️\n'],
]

describe.each(FORMS)('%s', (_, content) => {
  it.each([
    ['as it is', content],
    ['with gzip', gzipSync(content)],
    ['in two gzip members', Buffer.concat([gzipSync(content.slice(0, 20)), gzipSync(content.slice(20))])],
    ['with a byte order mark', `\ufeff${content}`],
    ['with a byte order mark and gzip', gzipSync(`\ufeff${content}`)],
    ['with CRLF', content.replaceAll('\n', '\r\n')],
    ['without a last line feed', content.trimEnd()],
    ['with blank lines around', `\n\n${content}\n\n`],
    ['in UTF-16, little-endian', Buffer.from(`\ufeff${content}`, 'utf16le')],
    ['in UTF-16, big-endian', Buffer.from(`\ufeff${content}`, 'utf16le').swap16()],
    ['in UTF-16 without a mark', Buffer.from(content, 'utf16le')],
    ['in UTF-16 with gzip', gzipSync(Buffer.from(`\ufeff${content}`, 'utf16le'))],
  ])('is read %s', async (_how, bytes) => {
    expect(await read(bytes)).toEqual([LAMP, SOFA])
  })

  it('is read when every chunk ends inside a character', async () => {
    // Longer than many chunks of the file stream (64 KiB) and of gunzip (16 KiB), with characters of 2 to 4 bytes.
    const title = 'Ö🛋️'.repeat(50)
    const rows = Array.from({ length: 1_000 }, (_, n) => ({ id: String(n), title }))
    const delimiter = /id([,;|\t])title/.exec(content)?.[1]
    const text = delimiter
      ? `id${delimiter}title\n${rows.map((row) => `${row.id}${delimiter}${row.title}`).join('\n')}`
      : content.startsWith('[')
        ? JSON.stringify(rows)
        : rows.map((row) => JSON.stringify(row)).join('\n')
    expect(await read(text)).toEqual(rows)
    expect(await read(gzipSync(text))).toEqual(rows)
  })
})

describe('NDJSON', () => {
  it('with a broken line gives an unreadable row there and goes on', async () => {
    expect(await read(`${JSON.stringify(LAMP)}\n{"id": broken\n[1]\n7\n${JSON.stringify(SOFA)}`)).toEqual([
      LAMP,
      { _unreadable: 'Line 2: not JSON: {"id": broken' },
      { _unreadable: 'Line 3: not a JSON object: [1]' },
      { _unreadable: 'Line 4: not a JSON object: 7' },
      SOFA,
    ])
  })

  it('counts blank lines in the line that it names', async () => {
    expect((await read('{}\n\n \r\n{'))[1]).toEqual({ _unreadable: 'Line 4: not JSON: {' })
  })

  it('takes a line of 1 MiB and refuses one byte more, without losing the next', async () => {
    const line = (bytes: number) => `{"id":"${'x'.repeat(bytes - 9)}"}`
    const rows = await read(
      `${line(ROW_BYTES_MAX)}\n${line(ROW_BYTES_MAX + 1)}\n${line(3 * ROW_BYTES_MAX)}\n{}`,
    )
    expect(rows.map((row) => Object.keys(row))).toEqual([['id'], ['_unreadable'], ['_unreadable'], []])
    expect(rows[2]!['_unreadable']).toMatch(/^Line 3: longer than 1 MiB: \{"id":"x/)
    expect((rows[2]!['_unreadable'] as string).length).toBeLessThan(300)
  })

  it('with bytes that are no UTF-8 marks the damage and goes on', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"id":"caf'),
      Buffer.from([0xe9]),
      Buffer.from('"}\n{"id":"2"}'),
    ])
    expect(await read(bytes)).toEqual([{ id: 'caf\ufffd' }, { id: '2' }])
  })

  it('with a NUL byte in a line loses that line only', async () => {
    expect(await read('{"id":"\u0000"}\n{"id":"2"}')).toMatchObject([
      { _unreadable: expect.stringContaining('Line 1') as string },
      { id: '2' },
    ])
  })

  it('gives an unreadable row that is quarantined', async () => {
    const [row] = await read('{"id":')
    expect(cleanItem(row)).toMatchObject({ item: null, findings: [{ rule: 'unreadable-row' }] })
  })
})

describe('a JSON array', () => {
  it('may be empty', async () => {
    expect(await read('[]')).toEqual([])
  })

  it('gives an unreadable row for an element that is no object', async () => {
    expect(await read('[{"id":"1"}, 7, null, [{"id":"2"}], {"id":"3"}]')).toEqual([
      { id: '1' },
      { _unreadable: 'Element 2: not a JSON object.' },
      { _unreadable: 'Element 3: not a JSON object.' },
      { _unreadable: 'Element 4: not a JSON object.' },
      { id: '3' },
    ])
  })

  it('keeps nested values, escapes and numbers as JSON.parse reads them', async () => {
    const rows = [
      { a: { b: [1, { c: 'd\u0000\n"' }] }, n: [-1.5e-7, 1e21, 0.1], t: true, none: null, '': '' },
    ]
    expect(await read(JSON.stringify(rows))).toEqual(rows)
  })

  it('with a broken element ends there, naming the element and the line', async () => {
    const { rows, failure } = await readUntilFailure(
      file('[\n{"id":"1"},\n{"id":"2"},\n{"id": broken},\n{"id":"4"}\n]'),
    )
    expect(rows).toEqual([{ id: '1' }, { id: '2' }])
    expect(failure).toMatch(/after element 2, near line 4/)
  })

  it('that is cut off ends with a failure after its whole elements', async () => {
    const { rows, failure } = await readUntilFailure(file('[{"id":"1"},{"id":"2"},{"id":'))
    expect(rows).toEqual([{ id: '1' }, { id: '2' }])
    expect(failure).toMatch(/ends inside its JSON array, after element 2/)
  })

  it('with anything but white space after it fails', async () => {
    expect(await failureOf('[{"id":"1"}] {"id":"2"}')).toMatch(/after element 1/)
    expect(await read('[{"id":"1"}] \n\n')).toEqual([{ id: '1' }])
  })

  it('gives an unreadable row for an element over 1 MiB', async () => {
    const rows = await read(JSON.stringify([LAMP, { id: 'x'.repeat(3 * ROW_BYTES_MAX) }, SOFA]))
    expect(rows).toEqual([LAMP, { _unreadable: 'Element 2: longer than 1 MiB.' }, SOFA])
  })
})

describe('CSV', () => {
  it('keeps quoted delimiters, quotes and line breaks in a field', async () => {
    expect(await read('id,title,text\r\n1,"a, ""b""","one\r\ntwo\nthree"\r\n2,x,y\r\n')).toEqual([
      { id: '1', title: 'a, "b"', text: 'one\r\ntwo\nthree' },
      { id: '2', title: 'x', text: 'y' },
    ])
  })

  it('takes the inch sign inside a field that is not quoted', async () => {
    expect(await read('id,title\n1,Monitor 24" wide\n2,TV 40"\n')).toEqual([
      { id: '1', title: 'Monitor 24" wide' },
      { id: '2', title: 'TV 40"' },
    ])
  })

  it('with a shorter row lacks its last fields', async () => {
    expect(await read('id,title,brand\n1,Lamp\n2,Sofa,Acme\n')).toEqual([
      { id: '1', title: 'Lamp' },
      { id: '2', title: 'Sofa', brand: 'Acme' },
    ])
  })

  it('with a longer row gives an unreadable row there and goes on, unless the surplus is empty', async () => {
    expect(await read('id,title\n1,Lamp, bright\n2,Sofa,,\n3,Bed')).toEqual([
      { _unreadable: 'Line 2: 3 fields under 2 columns: 1 Lamp  bright' },
      { id: '2', title: 'Sofa' },
      { id: '3', title: 'Bed' },
    ])
  })

  it('is read where lines are Latin-1 or Windows-1252, between others that are UTF-8', async () => {
    const lines = [
      Buffer.from('id,title\n1,Café\n'),
      Buffer.from('2,Café\n', 'latin1'),
      Buffer.from('3,Tür 🛋️\n'),
    ]
    expect(await read(Buffer.concat([...lines, Buffer.from([0x34, 0x2c, 0x80, 0x35, 0x0a])]))).toEqual([
      { id: '1', title: 'Café' },
      { id: '2', title: 'Café' },
      { id: '3', title: 'Tür 🛋️' },
      { id: '4', title: '€5' },
    ])
  })

  it('may mix line ends', async () => {
    const rows = [
      { id: '1', title: 'a' },
      { id: '2', title: 'b' },
      { id: '3', title: 'c' },
    ]
    expect(await read('id,title\r\n1,a\n2,b\r\n3,c\n')).toEqual(rows)
    expect(await read('id,title\n1,a\r\n2,b\n3,c\r\n')).toEqual(rows)
    expect(await read('id,title\r1,a\r2,b\r3,c\r')).toEqual(rows)
  })

  it('with an open quote ends with a failure that names the line', async () => {
    expect(await failureOf('id,title\n1,Lamp\n2,"Sofa\n3,Bed\n')).toMatch(/broken CSV: .*line/)
  })

  it('with an open quote does not collect the rest of a large file', async () => {
    const failure = await failureOf(`id,title\n1,"Lamp\n${'2,Sofa\n'.repeat(1_000_000)}`)
    expect(failure).toMatch(/broken CSV/)
  })

  it('with a header longer than what is looked at first has the rows under it', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `ordinary column ${at}`)
    const [row, ...others] = await read(`${names.join()}\n${names.map((_, at) => at).join()}\n`)
    expect(others).toEqual([])
    expect(Object.keys(row!)).toHaveLength(10_000)
    expect(row!['ordinary column 9999']).toBe('9999')
  })

  it('with two columns of one name is refused', async () => {
    expect(await failureOf('id,title, id\n1,a,b')).toMatch(/two columns named "id"/)
  })

  it('leaves out columns without a name, and keeps __proto__ a column', async () => {
    const [row] = await read('id,,__proto__,\n1,a,b,c')
    expect(Object.entries(row!)).toEqual([
      ['id', '1'],
      ['__proto__', 'b'],
    ])
  })

  it('with a header only has no rows', async () => {
    expect(await read('id,title\n')).toEqual([])
  })

  it('with a NUL in a field keeps the row, for the rules to judge', async () => {
    expect(await read('id,title\n1,La\u0000mp\n2,Sofa')).toEqual([
      { id: '1', title: 'La\u0000mp' },
      { id: '2', title: 'Sofa' },
    ])
  })

  it('may have a column named PK first', async () => {
    expect(await read('PK,title\n1,Lamp')).toEqual([{ PK: '1', title: 'Lamp' }])
  })

  it('named .tsv is cut at tabs, even where the header has more commas', async () => {
    expect(await read('id\ttitle, long, full\n1\ta, b, c', 'a.tsv')).toEqual([
      { id: '1', 'title, long, full': 'a, b, c' },
    ])
  })
})

describe('a file that is no catalogue', () => {
  it.each([
    ['empty', '', /is empty/],
    ['of white space', ' \n\n', /is empty/],
    ['empty with gzip', gzipSync(''), /is empty/],
    ['a zip archive', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), /is a zip archive/],
    [
      'binary',
      Uint8Array.from({ length: 999 }, (_, n) => (n * 7) % 256),
      /is not a text file|no known format/,
    ],
    ['prose', 'This is a letter\nto nobody', /in no known format/],
    ['HTML', '<!doctype html>\n<p>Not found</p>', /in no known format/],
  ])('%s is refused with a sentence', async (_, content, message) => {
    expect(await failureOf(content)).toMatch(message)
  })

  it('missing is refused with a sentence', async () => {
    expect((await readUntilFailure(join(folder, 'none.csv'))).failure).toMatch(
      /^There is no file ".*none\.csv"\.$/,
    )
  })

  it('that is a folder is refused with a sentence', async () => {
    expect((await readUntilFailure(folder)).failure).toMatch(/is a folder, not a file/)
  })

  it('of one JSON object over many lines is refused where its name says JSON', async () => {
    const object = JSON.stringify({ products: [LAMP] }, null, 2)
    expect(await failureOf(object, 'a.json')).toMatch(/is one JSON object/)
    expect(await failureOf(gzipSync(object), 'a.json.gz')).toMatch(/is one JSON object/)
    expect(await read(`${JSON.stringify(LAMP)}\n{`, 'b.json')).toHaveLength(2)
  })
})

describe('a damaged gzip', () => {
  const rows = Array.from(
    { length: 20_000 },
    (_, n) => `{"id":"${n}","title":"${(n * 7_919) % 10_007}"}\n`,
  ).join('')
  const zipped = gzipSync(rows)

  it('that is cut off ends with a failure, never as a shorter catalogue', async () => {
    for (const length of [11, 1_000, zipped.length >> 1, zipped.length - 1]) {
      const { rows: before, failure } = await readUntilFailure(file(zipped.subarray(0, length)))
      expect(failure).toMatch(/the gzip data is cut off/)
      expect(before.length).toBeLessThanOrEqual(20_000)
      expect(before.every((row) => '_unreadable' in row === false)).toBe(true)
    }
  })

  it('with a changed byte ends with a failure', async () => {
    const damaged = Uint8Array.from(zipped)
    damaged[zipped.length >> 1]! ^= 0xff
    expect((await readUntilFailure(file(damaged))).failure).toMatch(/is damaged/)
  })

  it('fails in CSV and in a JSON array as well', async () => {
    for (const text of [`id,title\n${'1,Lamp\n'.repeat(1_000)}`, `[${'{"id":"1"},'.repeat(1_000)}{}]`])
      expect(await failureOf(gzipSync(text).subarray(0, -9))).toMatch(/the gzip data is cut off/)
  })
})

describe('memory', () => {
  const title = 'x'.repeat(180)
  const MANY = 300_000
  /** What the reader may be ahead of the rows that it gave: some chunks of 64 KiB, never the file. */
  const AHEAD_BYTES_MAX = 1 << 20

  async function writeRows(name: string, head: string, row: (n: number) => string, count: number, tail = '') {
    const path = join(folder, name)
    function* chunks() {
      yield head
      for (let n = 0; n < count; n += 1_000)
        yield Array.from({ length: Math.min(1_000, count - n) }, (_, k) => row(n + k)).join('')
      yield tail
    }
    await pipeline(Readable.from(chunks()), createWriteStream(path))
    return path
  }

  it.each([
    ['NDJSON of 60 MB', '', (n: number) => `{"id":"${n}","title":"${title}"}\n`, MANY, ''],
    ['CSV of 12 MB', 'id,title\n', (n: number) => `${n},${title}\n`, MANY / 5, ''],
    ['a JSON array of 12 MB', '[{}', (n: number) => `,{"id":"${n}","title":"${title}"}`, MANY / 5, ']'],
  ])('does not grow with %s: the reader pulls as it is read', async (name, head, row, count, tail) => {
    const path = await writeRows(name.replaceAll(' ', '-'), head, row, count, tail)
    let given = head.length
    let rows = 0
    let ahead = 0
    let total = 0
    for await (const { row: fields, bytesRead, bytesTotal } of readCatalogue(path)) {
      if (fields['id'] === undefined) continue
      given += row(rows++).length
      ahead = Math.max(ahead, bytesRead - given)
      total = bytesTotal
    }
    expect(rows).toBe(count)
    expect(total).toBe(given + tail.length)
    expect(ahead).toBeLessThan(AHEAD_BYTES_MAX)
    rmSync(path)
  })

  it('is free again, and the file closed, when the caller stops early', async () => {
    for (const content of [
      `${JSON.stringify(LAMP)}\n`.repeat(50_000),
      `id,title\n${'1,Lamp\n'.repeat(200_000)}`,
      `[${`${JSON.stringify(LAMP)},`.repeat(50_000)}{}]`,
    ]) {
      const reader = readCatalogue(file(content))
      expect((await reader.next()).value).toMatchObject({ row: LAMP })
      await reader.return()
      expect(await reader.next()).toEqual({ done: true, value: undefined })
    }
  })
})

describe.skipIf(!existsSync(ICECAT))(`the Icecat catalogue (skipped without ${ICECAT})`, () => {
  it('has 19,406 rows, all of which are accepted, with few findings', async () => {
    const map = FieldMap.parse(JSON.parse(readFileSync('test/fixtures/icecat.map.json', 'utf8')))
    const itemsByRule: Record<string, number> = {}
    const ids = new Set<string>()
    let rows = 0
    for await (const { row } of readCatalogue(ICECAT)) {
      rows++
      const { item, findings } = cleanItem(applyFieldMap(map, row))
      if (item !== null) ids.add(item.id)
      for (const rule of new Set(findings.map((found) => found.rule)))
        itemsByRule[rule] = (itemsByRule[rule] ?? 0) + 1
    }
    expect({ rows, accepted: ids.size }).toEqual({ rows: 19_406, accepted: 19_406 })
    // Shouted brands; HTML in descriptions; long lists of compatible products; bytes of Windows-1252.
    expect(Object.keys(itemsByRule).sort()).toEqual([
      'brand-casing',
      'control-characters',
      'html-removed',
      'text-shortened',
    ])
    for (const [rule, items] of Object.entries(itemsByRule)) expect(items / rows, rule).toBeLessThan(0.1)
  })
})

describe.skipIf(!existsSync(HOME_DEPOT))(`the Home Depot catalogue (skipped without ${HOME_DEPOT})`, () => {
  it('has 54,667 rows, all of which are accepted', async () => {
    const map = FieldMap.parse(JSON.parse(readFileSync('test/fixtures/homedepot.map.json', 'utf8')))
    let accepted = 0
    let rows = 0
    for await (const { row } of readCatalogue(HOME_DEPOT)) {
      rows++
      if (cleanItem(applyFieldMap(map, row)).item !== null) accepted++
    }
    expect({ rows, accepted }).toEqual({ rows: 54_667, accepted: 54_667 })
  })
})
