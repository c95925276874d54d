/** @file What a shopper may ask of their profile: to be forgotten, not to be remembered, to be remembered again. Pure. */
import { factsSince, NO_FACTS, type Profile } from './profile.ts'

/** Everything until now is gone, and events of it that are still on their way will not bring it back. */
export const forget = (profile: Profile, nowMs: number): Profile => cutAt(profile, nowMs)

/** Likewise, and nothing is kept from now on. */
export const refuseConsent = (profile: Profile, nowMs: number): Profile => ({
  ...cutAt(profile, nowMs),
  ...NO_FACTS,
  consent: 'refused',
  consentMs: nowMs,
})

/** After a refusal, what happened meanwhile stays out. */
export const grantConsent = (profile: Profile, nowMs: number): Profile => ({
  ...(profile.consent === 'refused' ? cutAt(profile, nowMs) : profile),
  consent: 'granted',
  consentMs: nowMs,
})

function cutAt(profile: Profile, atMs: number): Profile {
  const cutMs = Math.max(profile.cutMs, atMs)
  return { ...profile, ...factsSince(profile, cutMs), cutMs }
}
