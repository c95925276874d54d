/** @file What a shop can do with its catalogue: give items, change, remove and read them, and mend what was refused. */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { assessItem } from '../../shared/quality/assess.ts'
import { suddenChanges } from '../../shared/quality/outliers/sudden-change.ts'
import { isApplied, type Judged, keepApplied, keepUndone, undoRepair } from '../../shared/quality/repair.ts'
import { finding } from '../../shared/quality/rules.ts'
import type { Index } from '../../shared/retrieval/load-index.ts'
import { contentHash, type Finding, type Item } from '../../shared/schema/item.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import type { ImportReply, ItemReply } from '../../shared/schema/replies.ts'
import type { ListEntry } from '../http/body.ts'
import type { Shows } from '../ranking/shows.ts'
import type { Outbox } from './outbox.ts'
import type { AcceptedRow, CatalogStore, RefusedRow, StoredItem } from './store.ts'

const FINDINGS_REPLIED_MAX = 100
/** A refused row is kept as it came, up to this; no readable item is larger. */
const RAW_CHARS_MAX = 200_000
const CHANGE_ATTEMPTS_MAX = 4

type Deps = {
  store: CatalogStore
  outbox: Outbox
  shows: Shows
  clock: () => number
  newBatchId: () => string
}
export type Catalog = ReturnType<typeof createCatalog>

export function createCatalog({ store, outbox, shows, clock, newBatchId }: Deps) {
  /** Judge each entry, keep the good ones, quarantine the others. Nothing is dropped: received = accepted + quarantined. */
  async function accept(entries: readonly ListEntry[]): Promise<ImportReply> {
    const judged = entries.map((entry) => {
      const raw = 'unreadable' in entry ? { _unreadable: entry.unreadable } : entry.value
      return { raw, ...assessItem(raw, clock()) }
    })
    await keepUndoneRepairs(judged)
    const lastOf = new Map<string, number>()
    judged.forEach(({ item }, index) => {
      if (item) lastOf.set(item.id, index)
    })
    judged.forEach(({ item, findings }, index) => {
      if (item && lastOf.get(item.id) !== index) findings.push(finding('repeated-id', 'id', item.id))
    })

    const accepted = await Promise.all(
      [...lastOf.values()].map(async (index): Promise<AcceptedRow> => {
        const { item, findings } = judged[index]!
        return { item: item!, contentHash: await contentHash(item!), findings }
      }),
    )
    const refused = new Map<string, RefusedRow>()
    for (const { raw, item, findings } of judged) {
      if (item) continue
      const row = await refusedRow(raw, findings)
      refused.set(row.quarantineId, row)
    }
    const batchId = newBatchId()
    const written = await store.accept(batchId, accepted, [...refused.values()], clock())
    const items = new Map(accepted.map(({ item }) => [item.id, item]))
    if (written.length > 0) await outbox.dispatch(batchId, written, items)

    const duplicateOf = new Map(written.map((row) => [row.itemId, row.duplicateOf]))
    const acceptedCount = judged.filter(({ item }) => item).length
    return {
      batchId: written.length > 0 ? batchId : null,
      received: judged.length,
      accepted: acceptedCount,
      quarantined: judged.length - acceptedCount,
      duplicates: written.filter((row) => row.duplicateOf !== null).length,
      findings: judged
        .map(({ item, findings, raw }, index) => ({
          index,
          id: item?.id ?? idOf(raw),
          findings: withDuplicate(findings, item ? (duplicateOf.get(item.id) ?? null) : null).filter(
            ({ severity, rule }) => severity !== 'info' || rule === 'duplicate-content',
          ),
        }))
        .filter(({ findings }) => findings.length > 0)
        .slice(0, FINDINGS_REPLIED_MAX),
    }
  }

  /** What a shop took back stays so when it gives the same value again. Asks the store only about repaired items. */
  async function keepUndoneRepairs(judged: { item: Item | null; findings: Finding[] }[]): Promise<void> {
    const repaired = judged.filter(({ item, findings }) => item && findings.some(isApplied))
    if (repaired.length === 0) return
    const undone = await store.undoneRepairs(repaired.map(({ item }) => item!.id))
    for (const one of repaired) {
      const known = undone.get(one.item!.id)
      if (known) Object.assign(one, keepUndone({ item: one.item!, findings: one.findings }, known))
    }
  }

  /** Change some fields; null takes a field back to its default. A change that breaks a rule is refused as a whole. */
  async function change(itemId: string, patch: Record<string, unknown>): Promise<Result<ItemReply, Problem>> {
    if (patch['id'] !== undefined && patch['id'] !== itemId)
      return err({
        kind: 'invalid-request',
        issues: [{ path: 'id', message: 'an item keeps its id; give a new item instead' }],
      })
    return rewrite(itemId, (stored) => {
      const { item, findings } = assessItem(merge(stored.item, patch), clock())
      if (item) return ok(keepApplied(keepUndone({ item, findings }, stored.findings), stored))
      const issues = findings
        .filter(({ severity }) => severity === 'quarantine')
        .map(({ field, rule, message }) => ({ path: field, message: `${rule}: ${message}` }))
      return err({ kind: 'invalid-request', issues })
    })
  }

  /** Take a repair back: the field gets the value that it had before. */
  const undo = (
    itemId: string,
    which: Pick<Finding, 'rule' | 'field'>,
  ): Promise<Result<ItemReply, Problem>> =>
    rewrite(itemId, (stored) => {
      const undone = undoRepair(stored, which)
      if (undone.ok) return undone
      return err({
        kind: 'not-found',
        what: `repair "${which.rule}" of the field "${which.field}" that could be undone`,
      })
    })

  /** Replace a stored item by what `next` makes of it, as often as it takes to be first. */
  async function rewrite(
    itemId: string,
    next: (stored: StoredItem) => Result<Judged, Problem>,
  ): Promise<Result<ItemReply, Problem>> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS_MAX; attempt++) {
      const stored = await store.find(itemId)
      if (!stored) return err(noItem(itemId))
      const judged = next(stored)
      if (!judged.ok) return judged
      const { item } = judged.value
      const findings = [...judged.value.findings, ...suddenChanges(stored.item, item)]
      const batchId = newBatchId()
      const row = { item, contentHash: await contentHash(item), findings }
      const written = await store.replace(batchId, row, stored.version, clock())
      if (!written) continue // someone else changed it meanwhile: start from theirs
      await outbox.dispatch(batchId, [written], new Map([[item.id, item]]))
      return ok(itemReply({ ...written, item, findings }, null, false))
    }
    return err({ kind: 'conflict', detail: 'The item is being changed by others; try again.' })
  }

  async function remove(itemId: string): Promise<Result<void, Problem>> {
    const batchId = newBatchId()
    const written = await store.remove(batchId, itemId, clock())
    if (!written) return err(noItem(itemId))
    await outbox.dispatch(batchId, [written], new Map())
    return ok(undefined)
  }

  async function read(itemId: string, index: Index | null): Promise<Result<ItemReply, Problem>> {
    const stored = await store.find(itemId)
    if (!stored) return err(noItem(itemId))
    const [searchable = false] = await shows(index, [stored])
    return ok(itemReply(stored, index, searchable))
  }

  /** Judge a quarantined row again, mended or as it was; when it passes it leaves quarantine. */
  async function replay(quarantineId: string, mended: unknown): Promise<Result<ImportReply, Problem>> {
    const row = await store.quarantined(quarantineId)
    if (!row) return err({ kind: 'not-found', what: `quarantined row "${quarantineId}"` })
    const value = mended === undefined ? (JSON.parse(row.raw) as unknown) : mended
    const reply = await accept([{ value }])
    // A row that failed again under the same text is the same row; a mended one that failed is listed beside it.
    if (reply.accepted === 1) await store.release(quarantineId)
    return ok(reply)
  }

  return { accept, change, undo, remove, read, replay }
}

const noItem = (itemId: string): Problem => ({ kind: 'not-found', what: `item "${itemId}"` })

const withDuplicate = (findings: readonly Finding[], duplicateOf: string | null): Finding[] =>
  duplicateOf === null ? [...findings] : [...findings, finding('duplicate-content', 'id', duplicateOf)]

function itemReply(
  row: { item: Item; number: number; version: number; findings: Finding[]; duplicateOf: string | null },
  index: Index | null,
  searchable: boolean,
): ItemReply {
  return {
    item: row.item,
    version: row.version,
    findings: withDuplicate(row.findings, row.duplicateOf),
    duplicateOf: row.duplicateOf,
    searchable,
    indexVersion: index?.manifest.version ?? 0,
    model: index?.manifest.model.id ?? null,
  }
}

/** A new price without a new currency keeps the old one, unless its text names another. */
function merge(item: Item, patch: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...item }
  for (const [field, value] of Object.entries(patch)) merged[field] = value === null ? undefined : value
  if (
    typeof patch['price'] === 'string' &&
    patch['currency'] === undefined &&
    /[^\d.,\s+-]/.test(patch['price'])
  )
    delete merged['currency']
  return merged
}

/** Keyed by its text, so that the same faulty row given again is one row in quarantine. */
async function refusedRow(raw: unknown, findings: Finding[]): Promise<RefusedRow> {
  const text = JSON.stringify(raw) ?? 'null'
  const kept =
    text.length <= RAW_CHARS_MAX
      ? text
      : JSON.stringify({ _unreadable: text.slice(0, RAW_CHARS_MAX).toWellFormed() })
  return { quarantineId: (await sha256Hex(text)).slice(0, 32), itemId: idOf(raw), raw: kept, findings }
}

function idOf(raw: unknown): string | null {
  const id = (raw as { id?: unknown } | null)?.id
  return typeof id === 'string' ? id.slice(0, 200).toWellFormed() : typeof id === 'number' ? String(id) : null
}
