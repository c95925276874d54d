/** @file What the worker finds in the event log, as it rests in the bucket: findings with counts, and who is no person. */
import { z } from 'zod'
import { EVENT_KINDS } from './events.ts'
import { Finding } from './item.ts'

export const EVENT_QUALITY_KEY = 'quality/events.json'
/** Suspects that are explained, those with the highest scores; more than anybody reads. */
export const SUSPECTS_EXPLAINED_MAX = 1_000
/** Suspects that counters leave out; those with the highest scores. */
export const SUSPECTS_MAX = 10_000
export const EVENT_SAMPLES_MAX = 20

export const EventFinding = Finding.extend({
  /** Events, or windows of time, that the finding is about. */
  count: z.int().nonnegative(),
  /** A few of them, in words. */
  samples: z.array(z.string()).max(EVENT_SAMPLES_MAX),
})
export type EventFinding = z.infer<typeof EventFinding>

export const Suspect = z.object({
  /** Pseudonym. */
  user: z.string(),
  /** 0 to 1; from the threshold on the events of the shopper count nowhere. */
  score: z.number().min(0).max(1),
  events: z.int(),
  /** Suspects with the same number act in lockstep; null for one that acts alone. */
  group: z.int().nullable(),
  /** Strongest first. */
  reasons: z.array(Finding),
})
export type Suspect = z.infer<typeof Suspect>

export const EventQuality = z.object({
  judgedAt: z.iso.datetime(),
  /** First and last event, or null for an empty log. */
  from: z.iso.datetime().nullable(),
  to: z.iso.datetime().nullable(),
  events: z.int(),
  shoppers: z.int(),
  byKind: z.record(z.enum(EVENT_KINDS), z.int()),
  /** Gravest first. */
  findings: z.array(EventFinding),
  bots: z.object({
    threshold: z.number(),
    shoppers: z.int(),
    events: z.int(),
    /** Groups in lockstep. */
    groups: z.int(),
    suspects: z.array(Suspect).max(SUSPECTS_EXPLAINED_MAX),
  }),
})
export type EventQuality = z.infer<typeof EventQuality>

/** The object in the bucket: the report, and every suspect by pseudonym. */
export const EventQualityFile = EventQuality.extend({ suspectedUsers: z.array(z.string()).max(SUSPECTS_MAX) })
export type EventQualityFile = z.infer<typeof EventQualityFile>
