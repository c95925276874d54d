/** @file Profiles in memory: the test twin of `dynamo-store.ts`. Keeps bytes, so that packing is exercised too. */
import { assert, ok } from '../../shared/lib/result.ts'
import { packProfile, unpackProfile } from './pack.ts'
import { EMPTY_PROFILE, freshProfile, type Profile, type ProfileStore } from './profile.ts'

type Deps = { clock?: () => number; keepMs?: number }

/** Remembers for ever, unless it is told how long. */
export function createMemoryProfileStore({
  clock = () => 0,
  keepMs = Number.POSITIVE_INFINITY,
}: Deps = {}): ProfileStore {
  const rows = new Map<string, { version: number; bytes: Uint8Array }>()
  const find = (user: string): Profile | null => {
    const row = rows.get(user)
    if (!row) return null
    const profile = unpackProfile(row.bytes, row.version)
    assert(profile.ok, 'a stored profile can be read')
    return freshProfile(profile.value, clock(), keepMs)
  }
  return {
    async read(user) {
      return ok(find(user))
    },
    async update(user, change) {
      const version = rows.get(user)?.version ?? 0
      const before = find(user) ?? { ...EMPTY_PROFILE, version }
      const after = change(before)
      if (after === before) return ok(before)
      rows.set(user, { version: version + 1, bytes: packProfile(after) })
      return ok({ ...after, version: version + 1 })
    },
  }
}
