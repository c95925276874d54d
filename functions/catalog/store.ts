/**
 * @file The catalogue in D1. Rows go in as JSON lists, one statement for up to `JSON_CHARS_MAX` characters of them, because D1
 * limits the parameters of a statement (100) and the size of a value (2 MB). Each public function is one transaction.
 */
import type { Finding, Item } from '../../shared/schema/item.ts'
import type { Refused } from '../../shared/schema/quality-report.ts'

/** D1 takes values of 2,000,000 bytes; a character is up to three bytes here. */
const JSON_CHARS_MAX = 500_000

export type AcceptedRow = { item: Item; contentHash: string; findings: Finding[] }
export type RefusedRow = { quarantineId: string; itemId: string | null; raw: string; findings: Finding[] }
/** What a write made of an item. */
export type WrittenRow = {
  itemId: string
  number: number
  version: number
  contentHash: string
  duplicateOf: string | null
  deleted: boolean
}
export type StoredItem = {
  item: Item
  number: number
  version: number
  findings: Finding[]
  duplicateOf: string | null
}
export type QuarantineRow = {
  id: string
  itemId: string | null
  /** The row as it came, JSON. */
  raw: string
  findings: Finding[]
  receivedAt: number
}

export type CatalogStore = ReturnType<typeof createCatalogStore>

/** @param db its rows are the truth; the index follows them */
export function createCatalogStore(db: D1Database) {
  const writtenRows = (batchId: string) => db.prepare(SELECT_WRITTEN).bind(batchId)

  return {
    /**
     * Items, quarantine and outbox row in one transaction. An item that did not change keeps its version. `accepted` has
     * each id once; a good row takes an older refused row of its id out of quarantine.
     */
    async accept(
      batchId: string,
      accepted: readonly AcceptedRow[],
      refused: readonly RefusedRow[],
      nowMs: number,
    ): Promise<WrittenRow[]> {
      const upserts = jsonLists(
        accepted.map(({ item, contentHash, findings }) => [
          item.id,
          contentHash,
          JSON.stringify(item),
          JSON.stringify(findings),
        ]),
      ).map((rows) => db.prepare(UPSERT_ITEMS).bind(rows, batchId, nowMs))
      const released = jsonLists(accepted.map(({ item }) => item.id)).map((ids) =>
        db.prepare('DELETE FROM quarantine WHERE item_id IN (SELECT value FROM json_each(?))').bind(ids),
      )
      const quarantined = jsonLists(
        refused.map((row) => [row.quarantineId, row.itemId, row.raw, JSON.stringify(row.findings)]),
      ).map((rows) => db.prepare(INSERT_QUARANTINE).bind(rows, batchId, nowMs))
      const outbox =
        accepted.length > 0
          ? [
              db
                .prepare('INSERT INTO batches (batch_id, items, created_at) VALUES (?, ?, ?)')
                .bind(batchId, accepted.length, nowMs),
            ]
          : []
      const marks = accepted.length > 0 ? [db.prepare(MARK_DUPLICATES).bind(batchId)] : []
      const results = await db.batch<WrittenRow>([
        ...upserts,
        ...marks,
        ...released,
        ...quarantined,
        ...outbox,
        writtenRows(batchId),
      ])
      return results.at(-1)!.results.map(toWritten)
    },

    /** Replace an item if it still has the version that the change was made from; null when it has not. */
    async replace(
      batchId: string,
      { item, contentHash, findings }: AcceptedRow,
      fromVersion: number,
      nowMs: number,
    ): Promise<WrittenRow | null> {
      const results = await db.batch<WrittenRow>([
        db
          .prepare(
            `UPDATE items SET version = version + (item <> ?1), content_hash = ?2, item = ?1, findings = ?3,
               batch_id = ?4, updated_at = ?5
             WHERE item_id = ?6 AND version = ?7 AND deleted = 0`,
          )
          .bind(
            JSON.stringify(item),
            contentHash,
            JSON.stringify(findings),
            batchId,
            nowMs,
            item.id,
            fromVersion,
          ),
        db.prepare(MARK_DUPLICATES).bind(batchId),
        db.prepare(INSERT_BATCH_IF_WRITTEN).bind(batchId, nowMs),
        writtenRows(batchId),
      ])
      const row = results.at(-1)!.results[0]
      return row ? toWritten(row) : null
    },

    /** Mark an item as deleted; null when there is none. Its number stays its own for ever. */
    async remove(batchId: string, itemId: string, nowMs: number): Promise<WrittenRow | null> {
      const results = await db.batch<WrittenRow>([
        db
          .prepare(
            `UPDATE items SET version = version + 1, deleted = 1, duplicate_of = NULL, batch_id = ?1, updated_at = ?2
             WHERE item_id = ?3 AND deleted = 0`,
          )
          .bind(batchId, nowMs, itemId),
        db.prepare(INSERT_BATCH_IF_WRITTEN).bind(batchId, nowMs),
        writtenRows(batchId),
      ])
      const row = results.at(-1)!.results[0]
      return row ? toWritten(row) : null
    },

    async find(itemId: string): Promise<StoredItem | null> {
      const row = await db
        .prepare(
          `SELECT number, version, item, findings, duplicate_of AS duplicateOf FROM items
           WHERE item_id = ? AND deleted = 0`,
        )
        .bind(itemId)
        .first<{
          number: number
          version: number
          item: string
          findings: string
          duplicateOf: string | null
        }>()
      if (!row) return null
      return {
        ...row,
        item: JSON.parse(row.item) as Item,
        findings: JSON.parse(row.findings) as Finding[],
      }
    },

    /** Findings of those items of which a repair was taken back, by id. */
    async undoneRepairs(itemIds: readonly string[]): Promise<Map<string, Finding[]>> {
      const { results } = await db
        .prepare(
          `SELECT item_id AS id, findings FROM items
           WHERE item_id IN (SELECT value FROM json_each(?)) AND deleted = 0 AND instr(findings, '"undone":true') > 0`,
        )
        .bind(JSON.stringify(itemIds))
        .all<{ id: string; findings: string }>()
      return new Map(results.map(({ id, findings }) => [id, JSON.parse(findings) as Finding[]]))
    },

    /** Rows of a batch as they are now, with their items: what its blob is rebuilt from. */
    async batchItems(batchId: string): Promise<(WrittenRow & { item: Item | null })[]> {
      const { results } = await db
        .prepare(`${SELECT_WRITTEN.replace('SELECT ', 'SELECT item, ')}`)
        .bind(batchId)
        .all<WrittenRow & { item: string }>()
      return results.map((row) => ({
        ...toWritten(row),
        item: row.deleted ? null : (JSON.parse(row.item) as Item),
      }))
    },

    async batchVersions(batchId: string): Promise<{ number: number; version: number }[]> {
      const { results } = await db
        .prepare('SELECT number, version FROM items WHERE batch_id = ?')
        .bind(batchId)
        .all<{ number: number; version: number }>()
      return results
    },

    /** Stable numbers of live items by id; unknown ids are absent. */
    async numbersOf(itemIds: readonly string[]): Promise<Map<string, number>> {
      if (itemIds.length === 0) return new Map()
      const { results } = await db
        .prepare(
          'SELECT item_id AS id, number FROM items WHERE deleted = 0 AND item_id IN (SELECT value FROM json_each(?))',
        )
        .bind(JSON.stringify(itemIds))
        .all<{ id: string; number: number }>()
      return new Map(results.map(({ id, number }) => [id, number]))
    },

    async counts(): Promise<{ accepted: number; duplicates: number; quarantined: number }> {
      const row = await db
        .prepare(
          `SELECT (SELECT count(*) FROM items WHERE deleted = 0) AS accepted,
                  (SELECT count(*) FROM items WHERE deleted = 0 AND duplicate_of IS NOT NULL) AS duplicates,
                  (SELECT count(*) FROM quarantine) AS quarantined`,
        )
        .first<{ accepted: number; duplicates: number; quarantined: number }>()
      return row!
    },

    /** What was found in the newest refused rows, without the rows, and how many there are. */
    async refused(limit: number): Promise<Refused> {
      const [rows, counted] = await db.batch<{ itemId: string | null; findings: string; total: number }>([
        db
          .prepare('SELECT item_id AS itemId, findings FROM quarantine ORDER BY received_at DESC LIMIT ?')
          .bind(limit),
        db.prepare('SELECT count(*) AS total FROM quarantine'),
      ])
      return {
        total: counted!.results[0]!.total,
        rows: rows!.results.map(({ itemId, findings }) => ({
          itemId,
          findings: JSON.parse(findings) as Finding[],
        })),
      }
    },

    /** Newest first. `before` is the time and id of the last row of the page before. */
    async quarantine(limit: number, before: { receivedAt: number; id: string } | null) {
      const { results } = await db
        .prepare(
          `SELECT quarantine_id AS id, item_id AS itemId, raw, findings, received_at AS receivedAt FROM quarantine
           WHERE ?1 IS NULL OR (received_at, quarantine_id) < (?1, ?2)
           ORDER BY received_at DESC, quarantine_id DESC LIMIT ?3`,
        )
        .bind(before?.receivedAt ?? null, before?.id ?? '', limit)
        .all<Omit<QuarantineRow, 'findings'> & { findings: string }>()
      return results.map(toQuarantine)
    },

    async quarantined(id: string): Promise<QuarantineRow | null> {
      const row = await db
        .prepare(
          `SELECT quarantine_id AS id, item_id AS itemId, raw, findings, received_at AS receivedAt
           FROM quarantine WHERE quarantine_id = ?`,
        )
        .bind(id)
        .first<Omit<QuarantineRow, 'findings'> & { findings: string }>()
      return row ? toQuarantine(row) : null
    },

    async release(quarantineId: string): Promise<void> {
      await db.prepare('DELETE FROM quarantine WHERE quarantine_id = ?').bind(quarantineId).run()
    },
  }
}

/** `item <>` compares the JSON text: the cleaner writes fields in one order, so that equal items have equal text. */
const UPSERT_ITEMS = `
  INSERT INTO items (item_id, version, content_hash, item, findings, batch_id, updated_at)
  SELECT value ->> 0, 1, value ->> 1, value ->> 2, value ->> 3, ?2, ?3 FROM json_each(?1) WHERE true
  ON CONFLICT (item_id) DO UPDATE SET
    version = items.version + (items.item <> excluded.item OR items.deleted = 1),
    updated_at = iif(items.item <> excluded.item OR items.deleted = 1, excluded.updated_at, items.updated_at),
    content_hash = excluded.content_hash, item = excluded.item, findings = excluded.findings,
    deleted = 0, batch_id = excluded.batch_id`

const MARK_DUPLICATES = `
  UPDATE items SET duplicate_of = (
    SELECT first.item_id FROM items first
    WHERE first.content_hash = items.content_hash AND first.deleted = 0 AND first.number < items.number
    ORDER BY first.number LIMIT 1)
  WHERE batch_id = ?`

const INSERT_QUARANTINE = `
  INSERT INTO quarantine (quarantine_id, item_id, raw, findings, batch_id, received_at)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?2, ?3 FROM json_each(?1) WHERE true
  ON CONFLICT (quarantine_id) DO UPDATE SET
    raw = excluded.raw, findings = excluded.findings, batch_id = excluded.batch_id, received_at = excluded.received_at`

const INSERT_BATCH_IF_WRITTEN = `
  INSERT INTO batches (batch_id, items, created_at)
  SELECT ?1, 1, ?2 WHERE EXISTS (SELECT 1 FROM items WHERE batch_id = ?1)`

const SELECT_WRITTEN = `
  SELECT item_id AS itemId, number, version, content_hash AS contentHash, duplicate_of AS duplicateOf, deleted
  FROM items WHERE batch_id = ?`

const toWritten = (row: WrittenRow): WrittenRow => ({ ...row, deleted: Boolean(row.deleted) })
const toQuarantine = (row: Omit<QuarantineRow, 'findings'> & { findings: string }): QuarantineRow => ({
  ...row,
  findings: JSON.parse(row.findings) as Finding[],
})

/** JSON arrays that together hold all entries, each of at most `JSON_CHARS_MAX` characters (or one larger entry). */
function jsonLists(entries: readonly unknown[]): string[] {
  const lists: string[] = []
  let current: string[] = []
  let chars = 0
  const close = () => {
    if (current.length > 0) lists.push(`[${current.join(',')}]`)
    current = []
    chars = 0
  }
  for (const entry of entries) {
    const text = JSON.stringify(entry)
    if (chars + text.length > JSON_CHARS_MAX) close()
    current.push(text)
    chars += text.length + 1
  }
  close()
  return lists
}
