/** @file A profile as facts that a person can read. */
import type { ItemSource } from '../../shared/retrieval/item-source.ts'
import type { ProfileReply } from '../../shared/schema/replies.ts'
import { affinitiesOf, bandStart } from './affinities.ts'
import { type ConsentRule, DAY_MS, expiryMs, mayRemember, type Profile } from './profile.ts'

type Rules = { consentRule: ConsentRule; keepMs: number; nowMs: number }

/** @param items null while nothing is searchable: then items have their numbers only */
export async function showProfile(
  profile: Profile,
  items: ItemSource | null,
  { consentRule, keepMs, nowMs }: Rules,
): Promise<Omit<ProfileReply, 'requestId' | 'degraded'>> {
  const { version, events, purchases, weeks, consent, consentMs, cutMs } = profile
  await items?.load({ numbers: [...events, ...purchases, ...weeks].map(({ item }) => item) })
  const docOf = (item: number) => items?.docOfNumber(item)
  await items?.load({ displays: [...events, ...purchases].flatMap(({ item }) => docOf(item) ?? []) })
  const shown = (item: number) => {
    const doc = docOf(item)
    return { itemId: (doc !== undefined && items?.display(doc)?.id) || null, number: item }
  }
  const affinities = items && affinitiesOf(items, weeks, nowMs)
  const byName = (shares: ReadonlyMap<string, number> = new Map()) =>
    [...shares].map(([name, share]) => ({ name, share: rounded(share) }))
  const expires = expiryMs(profile, keepMs)
  return {
    version,
    consent: {
      word: consent,
      since: consentMs > 0 ? iso(consentMs) : null,
      remembered: mayRemember(consent, consentRule),
    },
    forgottenUntil: cutMs > 0 ? iso(cutMs) : null,
    expiresAt: expires === null ? null : iso(expires),
    events: events.map(({ item, kind, timeMs, rating }) => ({
      ...shown(item),
      kind,
      time: iso(timeMs),
      ...(kind === 'rating' ? { rating } : {}),
    })),
    purchases: purchases.map(({ item, day }) => ({ ...shown(item), day: iso(day * DAY_MS).slice(0, 10) })),
    affinities: {
      brands: byName(affinities?.brands),
      categories: byName(affinities?.categories),
      prices: [...(affinities?.priceBands ?? [])].map(([band, share]) => ({
        from: bandStart(band),
        to: bandStart(band + 1),
        share: rounded(share),
      })),
    },
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()
const rounded = (share: number): number => Math.round(share * 1e4) / 1e4
