/**
 * @file Events into profiles, and the profile of an anonymous session into that of the shopper who logs in.
 *
 * The anonymous profile keeps a mark of who it turned out to be, so that events of the session which are still in the queue reach
 * the shopper too, and nobody who uses the device later. Each step may be done again after any other: joining facts twice is
 * joining them once.
 */
import { ok, type Result } from '../../shared/lib/result.ts'
import type { StoredEvent } from '../../shared/schema/events.ts'
import {
  addFacts,
  applyEvents,
  type ConsentRule,
  factsSince,
  type Profile,
  type ProfileFault,
  type ProfileStore,
} from './profile.ts'

type Kept = Result<void, ProfileFault>

/** @param events of one shopper */
export async function keepEvents(
  store: Pick<ProfileStore, 'update'>,
  user: string,
  events: readonly StoredEvent[],
  rule: ConsentRule,
): Promise<Kept> {
  const updated = await store.update(user, (before) =>
    applyEvents(
      before,
      events.filter(({ timeMs }) => timeMs > movedMs(before)),
      rule,
    ),
  )
  if (!updated.ok) return updated
  const { moved, cutMs } = updated.value
  const late = moved ? events.filter(({ timeMs }) => timeMs <= moved.atMs && timeMs > cutMs) : []
  if (!moved || late.length === 0) return ok(undefined)
  const joined = await store.update(moved.to, (before) => applyEvents(before, late, rule))
  return joined.ok ? ok(undefined) : joined
}

const movedMs = ({ moved }: Profile): number => moved?.atMs ?? 0

/**
 * Facts of `from` go to `to`, whose word on consent counts; what `from` refused to have remembered is not there to go.
 *
 * @param from pseudonym of the session, another than `to`
 */
export async function mergeProfiles(
  store: Pick<ProfileStore, 'update'>,
  from: string,
  to: string,
  nowMs: number,
  rule: ConsentRule,
): Promise<Kept> {
  const marked = await store.update(from, (before) => markMoved(before, to, nowMs))
  if (!marked.ok) return marked
  const joined = await store.update(to, (before) => addFacts(before, marked.value, rule))
  if (!joined.ok) return joined
  const emptied = await store.update(from, (before) => withoutMoved(before, nowMs))
  return emptied.ok ? ok(undefined) : emptied
}

/** When the device belongs to another shopper by now, what is left of the one before is not given to them. */
function markMoved(profile: Profile, to: string, atMs: number): Profile {
  const { moved } = profile
  const cutMs = moved && moved.to !== to ? Math.max(profile.cutMs, moved.atMs) : profile.cutMs
  const at = Math.max(atMs, movedMs(profile))
  return { ...profile, ...factsSince(profile, cutMs), cutMs, moved: { to, atMs: at } }
}

const withoutMoved = (profile: Profile, atMs: number): Profile => ({
  ...profile,
  ...factsSince(profile, atMs),
})
