/**
 * @file An event log as columns: about 40 bytes an event, so that a million fit where objects would not. What is kept is what
 * the rules of this folder read; event ids and texts stay as hashes.
 */
import { EVENT_KINDS, type EventKind, type StoredEvent } from '../../schema/events.ts'
import { foldText } from '../../text/normalise.ts'

/** Number of a kind in the columns: its place in `EVENT_KINDS`. */
export const KIND = Object.fromEntries(EVENT_KINDS.map((kind, at) => [kind, at])) as Record<EventKind, number>

export type EventColumns = {
  count: number
  /** Unix milliseconds. */
  timeMs: Float64Array
  kind: Uint8Array
  /** Place in `shoppers`. */
  shopper: Uint32Array
  /** Pseudonyms, in the order of their first event. */
  shoppers: readonly string[]
  /** Item numbers of event e: `items[itemsFrom[e]]` up to before `items[itemsFrom[e + 1]]`. */
  items: Uint32Array
  itemsFrom: Uint32Array
  /** Hash of the folded query, 0 without one. */
  query: Uint32Array
  /** Hash of the reply's requestId, 0 without one. */
  request: Uint32Array
  /** Events that came again under the same id, and were left out. */
  repeats: number
  /** A few ids of such events. */
  repeatedIds: readonly string[]
}

export type EventColumnsBuilder = { add(event: StoredEvent): void; finish(): EventColumns }

const SAMPLES_MAX = 20
const FIRST_CAPACITY = 1_024

export function createEventColumns(): EventColumnsBuilder {
  const numberOf = new Map<string, number>()
  const seen = new Set<number>()
  const repeatedIds: string[] = []
  let [count, itemCount, repeats] = [0, 0, 0]
  let timeMs = new Float64Array(FIRST_CAPACITY)
  let kind = new Uint8Array(FIRST_CAPACITY)
  let shopper = new Uint32Array(FIRST_CAPACITY)
  let query = new Uint32Array(FIRST_CAPACITY)
  let request = new Uint32Array(FIRST_CAPACITY)
  let itemsFrom = new Uint32Array(FIRST_CAPACITY + 1)
  let items = new Uint32Array(FIRST_CAPACITY)

  const growEvents = () => {
    const capacity = timeMs.length * 2
    timeMs = grown(timeMs, new Float64Array(capacity))
    kind = grown(kind, new Uint8Array(capacity))
    shopper = grown(shopper, new Uint32Array(capacity))
    query = grown(query, new Uint32Array(capacity))
    request = grown(request, new Uint32Array(capacity))
    itemsFrom = grown(itemsFrom, new Uint32Array(capacity + 1))
  }

  return {
    add(event) {
      const id = hash53(event.eventId)
      if (seen.has(id)) {
        repeats++
        if (repeatedIds.length < SAMPLES_MAX) repeatedIds.push(event.eventId)
        return
      }
      seen.add(id)
      if (count === timeMs.length) growEvents()
      let number = numberOf.get(event.user)
      if (number === undefined) {
        number = numberOf.size
        numberOf.set(event.user, number)
      }
      timeMs[count] = event.timeMs
      kind[count] = KIND[event.kind]
      shopper[count] = number
      query[count] = event.query === undefined ? 0 : hash32(foldText(event.query).trim()) || 1
      request[count] = event.requestId === undefined ? 0 : hash32(event.requestId) || 1
      for (const item of event.items) {
        if (itemCount === items.length) items = grown(items, new Uint32Array(items.length * 2))
        items[itemCount++] = item
      }
      count++
      itemsFrom[count] = itemCount
    },
    finish: () => ({
      ...{ count, timeMs, kind, shopper, items, itemsFrom, query, request, repeats, repeatedIds },
      shoppers: [...numberOf.keys()],
    }),
  }
}

export function toColumns(events: Iterable<StoredEvent>): EventColumns {
  const columns = createEventColumns()
  for (const event of events) columns.add(event)
  return columns.finish()
}

/** Events of each shopper, oldest first: those of shopper s are `order[from[s]]` up to before `order[from[s + 1]]`. */
export function byShopper({ count, shopper, shoppers, timeMs }: EventColumns): {
  order: Uint32Array
  from: Uint32Array
} {
  const from = new Uint32Array(shoppers.length + 1)
  for (let event = 0; event < count; event++) from[shopper[event]! + 1]!++
  for (let at = 0; at < shoppers.length; at++) from[at + 1]! += from[at]!
  const order = new Uint32Array(count)
  const next = from.slice()
  for (let event = 0; event < count; event++) order[next[shopper[event]!]!++] = event
  for (let at = 0; at < shoppers.length; at++)
    order.subarray(from[at], from[at + 1]).sort((a, b) => timeMs[a]! - timeMs[b]! || a - b)
  return { order, from }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from as never)
  return to
}

/** FNV-1a over UTF-16 units. Source: Fowler, Noll, Vo, draft-eastlake-fnv. */
export function hash32(text: string, offset = 0x811c9dc5): number {
  let hash = offset
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** Two hashes as one whole number: a million ids meet with probability 1e-4. */
const hash53 = (text: string): number => hash32(text) * 2 ** 21 + (hash32(text, 0x1b873593) >>> 11)
