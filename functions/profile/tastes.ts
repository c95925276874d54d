/** @file The tastes of the shopper of a request, for features that need no more of a profile. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import { type Affinities, affinitiesOf, NO_AFFINITIES } from './affinities.ts'
import { type ConsentRule, mayRemember, type ProfileStore } from './profile.ts'

type Deps = {
  profiles: Pick<ProfileStore, 'read'>
  clock: () => number
  consentRule: ConsentRule
  /** What the profile may cost a shopper's wait, milliseconds. */
  profileBudgetMs: number
}
/** None of a shopper who is not known, or may not be remembered; a fault is named as replies name it: "profile-timeout". */
export type TastesOf = (
  items: ItemSource,
  user: string,
) => Promise<{ affinities: Affinities; degraded: string[] }>

export const createTastesOf =
  ({ profiles, clock, consentRule, profileBudgetMs }: Deps): TastesOf =>
  async (items, user) => {
    const read = await profiles.read(user, AbortSignal.timeout(profileBudgetMs))
    if (!read.ok) return { affinities: NO_AFFINITIES, degraded: [`profile-${read.error.kind}`] }
    const profile = read.value
    if (!profile || !mayRemember(profile.consent, consentRule))
      return { affinities: NO_AFFINITIES, degraded: [] }
    await items.load({ numbers: profile.weeks.map(({ item }) => item) })
    return { affinities: affinitiesOf(items, profile.weeks, clock()), degraded: [] }
  }
