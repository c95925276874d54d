/** @file Shoppers' events: as the shop sends them, and as they are kept once the shopper is a pseudonym. */
import { z } from 'zod'
import { ITEM_ID_CHARS_MAX } from './item.ts'

export const EVENTS_PER_CALL_MAX = 500
export const EVENT_KINDS = [
  'impression',
  'view',
  'search',
  'click',
  'add-to-cart',
  'purchase',
  'rating',
] as const
export const EventKind = z.enum(EVENT_KINDS)
export type EventKind = z.infer<typeof EventKind>

const id = z.string().min(1).max(128)

export const EventInput = z
  .strictObject({
    eventId: id,
    kind: EventKind,
    userId: z.string().min(1).max(256),
    /** When it happened, ISO 8601 with offset. */
    time: z.iso.datetime({ offset: true }),
    itemIds: z.array(z.string().min(1).max(ITEM_ID_CHARS_MAX)).max(100).default([]),
    query: z.string().max(500).optional(),
    sessionId: id.optional(),
    /** `requestId` of the reply that showed the item. */
    requestId: id.optional(),
    /** 1 to 5, for `rating` only. */
    rating: z.number().min(1).max(5).optional(),
  })
  .refine((event) => event.kind === 'search' || event.itemIds.length > 0, {
    path: ['itemIds'],
    message: 'needs at least one item id',
  })
  .refine((event) => event.kind !== 'search' || event.query !== undefined, {
    path: ['query'],
    message: 'a search event needs its query',
  })
  .refine((event) => event.kind !== 'rating' || event.rating !== undefined, {
    path: ['rating'],
    message: 'a rating event needs its rating',
  })
export type EventInput = z.infer<typeof EventInput>

/** An event as it travels and rests: no shopper id, only `user`, the HMAC pseudonym (32 hex digits). */
export const StoredEvent = z.object({
  eventId: id,
  kind: EventKind,
  user: z.string().length(32),
  /** Unix milliseconds. */
  timeMs: z.int(),
  /** Stable item numbers; ids that the catalogue does not know are left out. */
  items: z.array(z.int().positive()),
  query: z.string().optional(),
  session: z.string().optional(),
  requestId: z.string().optional(),
  rating: z.number().optional(),
  /** Set when the traffic looked automatic; kept in the log, not counted, not in the profile. */
  suspectedBot: z.boolean().default(false),
})
export type StoredEvent = z.infer<typeof StoredEvent>

/** One message of the events queue. */
export const EventMessage = z.object({ kind: z.literal('events'), events: z.array(StoredEvent).max(100) })
export type EventMessage = z.infer<typeof EventMessage>

/** Popular and bought-together lists, computed from counted events; read by the edge with the index. */
export const SIGNALS_KEY = 'signals/current.json'
export const Signals = z.object({
  computedAt: z.iso.datetime(),
  /** Item numbers, most popular first, with a time-decayed count. At most 1,000. */
  popular: z.array(z.tuple([z.int(), z.number()])),
  /** item number → partners with their lift-like score, best first, at most 20 each. */
  together: z.record(z.string(), z.array(z.tuple([z.int(), z.number()]))),
  /** Folded queries with the number of shoppers behind each, most first. At most 1,000, each of several shoppers. */
  queries: z.array(z.tuple([z.string(), z.int()])).default([]),
})
export type Signals = z.infer<typeof Signals>
