/**
 * @file Reads a catalogue file row by row: NDJSON, JSON array, CSV or TSV, plain or gzip, in UTF-8 or UTF-16, told apart
 * by content; CSV lines in Windows-1252 too. Memory does not grow with the file. No row is dropped in silence: one that cannot be read comes out as `{ _unreadable }`,
 * which the server puts in quarantine, so that received = accepted + quarantined holds. Where the rest of the file
 * cannot be trusted after a fault (an open quote, a cut-off gzip), reading ends with a `Failure` that names the line.
 */
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { JSONParser } from '@streamparser/json'
import { parse as createCsvParser } from 'csv-parse'
import { Failure } from './failure.ts'

export type CatalogueRow = {
  row: Record<string, unknown>
  /** Of the file as it lies on disk (compressed), so that read / total is the progress. */
  bytesRead: number
  bytesTotal: number
}

/** A longer row could not pass the API's limit of a call anyway. */
export const ROW_BYTES_MAX = 1 << 20
const SNIFF_BYTES = 64 * 1024
const EVIDENCE_CHARS_MAX = 200
const DELIMITERS = [',', '\t', ';', '|'] as const

type Row = Record<string, unknown>
type CsvFormat = { kind: 'csv'; delimiter: string; lineEnds: readonly string[] }
type Format = { kind: 'ndjson' } | { kind: 'json-array' } | CsvFormat

/** @throws Failure when the file cannot be opened, is in no known format, or breaks off */
export const readCatalogue = (path: string): AsyncGenerator<CatalogueRow, void, undefined> =>
  readFile(path, readRows)

export type TableRecord = {
  /** As they stand in the header; two may be alike, and one may be empty. */
  names: string[]
  /** As they stand in the file: there may be fewer or more than names. */
  fields: string[]
}

/**
 * A CSV or TSV file record by record, the header first, with no fields.
 *
 * @throws Failure as `readCatalogue`, and for a file that is no CSV
 */
export async function* readTable(
  path: string,
): AsyncGenerator<TableRecord & { bytesRead: number; bytesTotal: number }, void, undefined> {
  const records = readFile(path, (format, chunks) => {
    if (format.kind !== 'csv') throw new Failure(`"${path}" is JSON: expected a CSV or TSV table.`)
    return readRecords(chunks, format)
  })
  let names: string[] | null = null
  for await (const { row, bytesRead, bytesTotal } of records) {
    const fields = names === null ? [] : row.record
    names ??= row.record.map((name) => name.trim())
    yield { names, fields, bytesRead, bytesTotal }
  }
}

async function* readFile<T>(
  path: string,
  read: (format: Format, chunks: AsyncIterable<Buffer>, path: string) => AsyncIterable<T>,
): AsyncGenerator<{ row: T; bytesRead: number; bytesTotal: number }, void, undefined> {
  const { bytesTotal, gzip } = await inspect(path)
  const counter = { bytes: 0 }
  const source = openSource(path, gzip, counter)
  try {
    const raw = await peek(source[Symbol.asyncIterator]())
    const { head, rest } = await peek(asUtf8(prepend(raw.head, raw.rest), detectUtf16(raw.head)))
    const format = detectFormat(head, path)
    for await (const row of read(format, prepend(head, rest), path))
      yield { row, bytesRead: counter.bytes, bytesTotal }
  } catch (error) {
    throw explain(error, path)
  } finally {
    source.destroy()
  }
}

async function inspect(path: string): Promise<{ bytesTotal: number; gzip: boolean }> {
  try {
    await using file = await open(path)
    const info = await file.stat()
    if (info.isDirectory()) throw new Failure(`"${path}" is a folder, not a file.`)
    const magic = new Uint8Array(4)
    await file.read(magic, 0, 4, 0)
    // The third byte tells a zip archive from a CSV whose first column is named "PK".
    if (magic[0] === 0x50 && magic[1] === 0x4b && magic[2]! < 0x20)
      throw new Failure(`"${path}" is a zip archive: unpack it, or compress with gzip.`)
    return { bytesTotal: info.size, gzip: magic[0] === 0x1f && magic[1] === 0x8b }
  } catch (error) {
    throw explain(error, path)
  }
}

function openSource(path: string, gzip: boolean, counter: { bytes: number }): Readable {
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      counter.bytes += chunk.length
      done(null, chunk)
    },
  })
  const stages = [createReadStream(path), count, ...(gzip ? [createGunzip()] : [])] as const
  // The callback is empty because a fault also ends the last stage, where the reader meets it.
  return pipeline(stages as unknown as [Readable, Transform], () => {}) as unknown as Readable
}

/** The first bytes, enough to tell the format, and the stream after them. */
async function peek(rest: AsyncIterator<Buffer>): Promise<{ head: Buffer; rest: AsyncIterator<Buffer> }> {
  const parts: Buffer[] = []
  for (let size = 0; size < SNIFF_BYTES; ) {
    const next = await rest.next()
    if (next.done) break
    parts.push(next.value)
    size += next.value.length
  }
  return { head: Buffer.concat(parts), rest }
}

async function* prepend(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

const bomLength = (head: Buffer): number => (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0)

type Utf16 = 'utf-16le' | 'utf-16be'

/** Null for every encoding of single bytes. */
function detectUtf16(head: Buffer): Utf16 | null {
  const mark = head.length < 2 ? 0 : head.readUInt16BE(0)
  if (mark === 0xfffe) return 'utf-16le'
  if (mark === 0xfeff) return 'utf-16be'
  return utf16WithoutMark(head)
}

/** The text as UTF-8 without its byte order mark; bytes that are neither UTF-16 nor UTF-8 go through as they are. */
async function* asUtf8(
  chunks: AsyncIterable<Buffer>,
  utf16: Utf16 | null,
): AsyncGenerator<Buffer, undefined> {
  const decoder = utf16 === null ? null : new TextDecoder(utf16)
  let isFirst = true
  for await (const chunk of chunks) {
    if (decoder) yield Buffer.from(decoder.decode(chunk, { stream: true }))
    else yield isFirst ? chunk.subarray(bomLength(chunk)) : chunk
    isFirst = false
  }
  if (decoder) yield Buffer.from(decoder.decode())
}

/**
 * Lines that are not UTF-8 are read as Windows-1252, of which Latin-1 is a part: old spreadsheets export so, and files
 * that were put together hold both. A line ends at a line feed or a carriage return, which are the same in either.
 */
async function* mendLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let open: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    const end = Math.max(chunk.lastIndexOf(10), chunk.lastIndexOf(13)) + 1
    open.push(end === 0 ? chunk : chunk.subarray(0, end))
    size += chunk.length
    // A line over the limit is refused by the parser, whatever it says.
    if (end === 0 && size <= ROW_BYTES_MAX) continue
    yield mend(Buffer.concat(open))
    open = end === 0 || end === chunk.length ? [] : [chunk.subarray(end)]
    size = end === 0 ? 0 : chunk.length - end
  }
  if (open.length > 0) yield mend(Buffer.concat(open))
}

function mend(lines: Buffer): Buffer {
  if (isUtf8(lines)) return lines
  const windows = new TextDecoder('windows-1252')
  const parts: Buffer[] = []
  for (let from = 0; from < lines.length; ) {
    const at = lines.subarray(from).findIndex((byte) => byte === 10 || byte === 13)
    const end = at < 0 ? lines.length : from + at + 1
    const line = lines.subarray(from, end)
    parts.push(isUtf8(line) ? line : Buffer.from(windows.decode(line)))
    from = end
  }
  return Buffer.concat(parts)
}

/** UTF-16 without its mark: the first letters all have a NUL on the same side. */
function utf16WithoutMark(head: Buffer): Utf16 | null {
  const units = Math.min(4, head.length >> 1)
  const bytes = (half: number) => Array.from({ length: units }, (_, unit) => head[2 * unit + half]!)
  const isNul = (byte: number) => byte === 0
  const [first, second] = [bytes(0), bytes(1)]
  if (units === 0) return null
  if (first.every(isNul) && !second.some(isNul)) return 'utf-16be'
  return second.every(isNul) && !first.some(isNul) ? 'utf-16le' : null
}

/** The content decides; the file's name only where the content leaves two readings. */
export function detectFormat(head: Buffer, path: string): Format {
  const text = head.toString('utf8')
  const start = text.trimStart()
  if (start === '') throw new Failure(`"${path}" is empty.`)
  if (start.startsWith('[')) return { kind: 'json-array' }
  // A lone CR ends lines only where no LF does: elsewhere it may stand inside a field.
  const lineEnds = text.includes('\n') || !text.includes('\r') ? ['\r\n', '\n'] : ['\r']
  const line = start.split(lineEnds.at(-1)!, 1)[0]!
  if (start.startsWith('{')) {
    // One object over several lines, as a ".json" file may be, would come out as a heap of unreadable lines.
    if (/\.json(\.gz)?$/i.test(path) && line.length < text.length && !isJson(line))
      throw new Failure(`"${path}" is one JSON object: expected an array of items, or one item a line.`)
    return { kind: 'ndjson' }
  }
  // Further down a NUL is a fault of one row, and the rules judge it.
  if (line.includes('\0')) throw new Failure(`"${path}" is not a text file.`)
  return { kind: 'csv', delimiter: detectDelimiter(line, path), lineEnds }
}

function detectDelimiter(header: string, path: string): string {
  const bare = header.replace(/"[^"]*"/g, '')
  if (/\.tsv(\.gz)?$/i.test(path) && bare.includes('\t')) return '\t'
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length - 1)
  const most = Math.max(...counts)
  if (most === 0)
    throw new Failure(
      `"${path}" is in no known format: expected NDJSON, a JSON array, or CSV or TSV with a header line.`,
    )
  return DELIMITERS[counts.indexOf(most)]!
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const readRows = (format: Format, chunks: AsyncIterable<Buffer>, path: string): AsyncIterable<Row> =>
  format.kind === 'ndjson'
    ? readNdjson(chunks)
    : format.kind === 'json-array'
      ? readJsonArray(chunks, path)
      : readCsv(chunks, format, path)

const unreadable = (line: number, reason: string, text = ''): Row => ({
  _unreadable:
    `Line ${line}: ${reason}${text === '' ? '' : `: ${text.slice(0, EVIDENCE_CHARS_MAX)}`}`.toWellFormed(),
})

const isRecord = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

async function* readNdjson(chunks: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  let line = 0
  for await (const bytes of splitLines(chunks)) {
    line++
    const text = bytes.toString('utf8')
    if (bytes.length > ROW_BYTES_MAX) yield unreadable(line, 'longer than 1 MiB', text)
    else if (text.trim() !== '') yield parseLine(text, line)
  }
}

function parseLine(text: string, line: number): Row {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : unreadable(line, 'not a JSON object', text)
  } catch {
    return unreadable(line, 'not JSON', text)
  }
}

/** Lines without their line feed. Of a line over `ROW_BYTES_MAX` only a little more than that is kept. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let size = 0
  const keep = (part: Buffer) => {
    if (size <= ROW_BYTES_MAX) parts.push(part)
    size += part.length
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, at))
      yield parts.length === 1 ? parts[0]! : Buffer.concat(parts)
      parts = []
      size = 0
      from = at + 1
    }
    if (from < chunk.length) keep(chunk.subarray(from))
  }
  if (size > 0) yield Buffer.concat(parts)
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++
  return lines
}

async function* readJsonArray(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Row> {
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false })
  let rows: Row[] = []
  let index = 0
  let failed = ''
  let chunkBytes = 0
  /** Of the chunks that the element lies in: never less than its own. */
  let elementBytes = 0
  parser.onValue = ({ value }) => {
    index++
    const isLong = elementBytes > ROW_BYTES_MAX && Buffer.byteLength(JSON.stringify(value)) > ROW_BYTES_MAX
    elementBytes = chunkBytes
    if (isLong) rows.push({ _unreadable: `Element ${index}: longer than 1 MiB.` })
    else rows.push(isRecord(value) ? value : { _unreadable: `Element ${index}: not a JSON object.` })
  }
  parser.onError = (error) => {
    failed ||= error.message
  }
  let line = 1
  let offset = 0
  for await (const chunk of chunks) {
    chunkBytes = chunk.length
    elementBytes += chunkBytes
    parser.write(chunk)
    yield* rows
    rows = []
    if (failed) {
      // The parser names the byte; people look for the line.
      const position = Number(/absolute position "(\d+)"/.exec(failed)?.[1] ?? offset)
      const near = line + countLines(chunk.subarray(0, position - offset))
      throw new Failure(`"${path}", after element ${index}, near line ${near}: ${failed}`)
    }
    line += countLines(chunk)
    offset += chunk.length
  }
  if (!parser.isEnded) throw new Failure(`"${path}" ends inside its JSON array, after element ${index}.`)
}

async function* readCsv(chunks: AsyncIterable<Buffer>, format: CsvFormat, path: string): AsyncGenerator<Row> {
  let header: string[] | null = null
  for await (const { record, line } of readRecords(chunks, format)) {
    if (header !== null) yield csvRow(header, record, line)
    else header = checkHeader(record, path)
  }
}

async function* readRecords(
  chunks: AsyncIterable<Buffer>,
  { delimiter, lineEnds }: CsvFormat,
): AsyncGenerator<{ record: string[]; line: number }> {
  const parser = createCsvParser({
    delimiter,
    // Not left to the parser, which takes the first line end for the only one.
    record_delimiter: [...lineEnds],
    // The inch sign inside an unquoted field is no quote.
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: ROW_BYTES_MAX,
  })
  pipeline(mendLines(chunks), parser, () => {})
  for await (const { record, info } of parser as AsyncIterable<{
    record: string[]
    info: { lines: number }
  }>)
    yield { record, line: info.lines }
}

function checkHeader(record: string[], path: string): string[] {
  const header = record.map((name) => name.trim())
  const repeated = findRepeated(header)
  if (repeated !== null) throw new Failure(`"${path}": the header has two columns named "${repeated}".`)
  return header
}

/** A name that two columns have; columns without a name do not count. */
export function findRepeated(names: readonly string[]): string | null {
  const seen = new Set<string>()
  return names.find((name) => name !== '' && seen.size === seen.add(name).size) ?? null
}

/** A shorter record lacks its last fields (spreadsheets drop empty ones); a longer one is broken. */
function csvRow(header: string[], record: string[], line: number): Row {
  if (record.slice(header.length).some((field) => field !== ''))
    return unreadable(line, `${record.length} fields under ${header.length} columns`, record.join(' '))
  return Object.fromEntries(
    header.flatMap((name, index) =>
      name === '' || record[index] === undefined ? [] : [[name, record[index]]],
    ),
  )
}

/** A sentence for the faults that a person can cause; anything else is a fault of ours and passes. */
function explain(error: unknown, path: string): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error
  const { code, message } = error as Error & { code?: string }
  if (code === 'ENOENT') return new Failure(`There is no file "${path}".`)
  if (code === 'EACCES') return new Failure(`No permission to read "${path}".`)
  if (code === 'Z_BUF_ERROR') return new Failure(`"${path}" ends too early: the gzip data is cut off.`)
  if (code?.startsWith('Z_')) return new Failure(`"${path}" is damaged: ${message}.`)
  if (code?.startsWith('CSV_')) return new Failure(`"${path}" is broken CSV: ${message}.`)
  return error
}
