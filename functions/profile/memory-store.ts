/** @file Profiles in memory: the test twin of `dynamo-store.ts`. Keeps bytes, so that packing is exercised too. */
import { assert, ok } from '../../shared/lib/result.ts'
import { packProfile, unpackProfile } from './pack.ts'
import { applyEvents, type Profile, type ProfileStore } from './profile.ts'

export function createMemoryProfileStore(): ProfileStore {
  const rows = new Map<string, { version: number; bytes: Uint8Array }>()
  const find = (user: string): Profile | null => {
    const row = rows.get(user)
    if (!row) return null
    const profile = unpackProfile(row.bytes, row.version)
    assert(profile.ok, 'a stored profile can be read')
    return profile.value
  }
  return {
    async read(user) {
      return ok(find(user))
    },
    async update(user, events) {
      const before = find(user)
      const after = applyEvents(before, events)
      if (after.events.length > 0 && after !== before)
        rows.set(user, { version: after.version + 1, bytes: packProfile(after) })
      return ok(undefined)
    },
  }
}
