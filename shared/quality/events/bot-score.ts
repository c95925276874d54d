/**
 * @file How likely it is that no person made a shopper's events, with the reasons in words. Each reason has a strength; they are
 * joined as independent witnesses: score = 1 − Π (1 − strength). One strong reason is enough, and several weak ones add up.
 */
import type { Finding } from '../../schema/item.ts'
import type { Lockstep } from './lockstep.ts'
import { median } from './quantiles.ts'
import type { ShopperFeatures } from './shopper-features.ts'

/**
 * From this score on a shopper's events count nowhere. Chosen on the training seeds of the simulator, as the lowest one at which
 * 97 of 100 suspects are bots there; `npm run bench bots` prints the choice, and what it gives on other seeds.
 */
export const BOT_SCORE_MIN = 0.55

export type BotReason = { rule: BotRule; strength: number; message: string; evidence: string }
type Clue = { message: string; strength(of: Observed): number; evidence(of: Observed): string }
type Observed = ShopperFeatures & { lockstep: Lockstep | null; usual: UsualShopper | null }

/** What is usual in this shop: one sends no impressions, another no searches. Medians, which bots must be half of all to move. */
export type UsualShopper = Pick<ShopperFeatures, 'depthShare' | 'unshownShare' | 'popularity'>
/** Shoppers with fewer looks say little about what is usual, and fewer shoppers nothing. */
const USUAL_LOOKS_MIN = 15
const USUAL_SHOPPERS_MIN = 20

export function usualShopper(all: readonly ShopperFeatures[]): UsualShopper | null {
  const busy = all.filter(({ looks }) => looks >= USUAL_LOOKS_MIN)
  if (busy.length < USUAL_SHOPPERS_MIN) return null
  const usual = (field: keyof UsualShopper) => median(busy.map((one) => one[field]))
  return {
    depthShare: usual('depthShare'),
    unshownShare: usual('unshownShare'),
    popularity: usual('popularity'),
  }
}

/** 0 up to `low`, 1 from `high` on, straight between; `high` may be the smaller one. */
const ramp = (value: number, low: number, high: number): number =>
  Math.min(1, Math.max(0, (value - low) / (high - low)))

const percent = (share: number) => `${(100 * share).toFixed(0)} %`

/** Limits are about people: how fast a hand is, how long a day. Where exactly they lie was set with the training seeds in view. */
const CLUES = {
  'bot-rate': {
    message: 'Looks at items faster than a person for minutes on end.',
    strength: ({ looksPerTenMinutes, looksPerHour }) =>
      0.95 * Math.max(ramp(looksPerTenMinutes, 120, 240), ramp(looksPerHour, 350, 800)),
    evidence: ({ looksPerTenMinutes, looksPerHour }) =>
      `${looksPerTenMinutes} looks in ten minutes, ${looksPerHour} in an hour`,
  },
  'bot-rhythm': {
    message: 'Keeps a rhythm: the pauses between acts are nearly equal.',
    strength: ({ gapSpread, acts }) =>
      gapSpread === null ? 0 : 0.9 * ramp(gapSpread, 0.6, 0.35) * ramp(acts, 20, 60),
    evidence: ({ gapSpread }) => `most pauses within a factor of ${Math.exp(gapSpread ?? 0).toFixed(2)}`,
  },
  'bot-no-dwell': {
    message: 'Goes from item to item without time to look at one.',
    strength: ({ dwellMs, looks }) =>
      dwellMs === null ? 0 : 0.8 * ramp(dwellMs, 12_000, 4_000) * ramp(looks, 20, 60),
    evidence: ({ dwellMs }) => `nine items in ten for less than ${((dwellMs ?? 0) / 1_000).toFixed(1)} s`,
  },
  'bot-no-rest': {
    message: 'Does not sleep.',
    strength: ({ hoursAwake }) => 0.95 * ramp(hoursAwake, 16, 21),
    evidence: ({ hoursAwake }) => `active in ${hoursAwake} of 24 hours`,
  },
  'bot-breadth': {
    message: 'Looks at very many items, and hardly at one of them again.',
    strength: ({ itemsSeen, looks }) =>
      0.5 * ramp(itemsSeen, 60, 250) * ramp(itemsSeen / Math.max(1, looks), 0.75, 0.95),
    evidence: ({ itemsSeen, looks }) => `${itemsSeen} items in ${looks} looks`,
  },
  'bot-shallow': {
    message: 'Only looks: never searches, buys or puts anything into the cart, as others do.',
    strength: ({ usual, depthShare, looks }) =>
      usual && usual.depthShare > 0
        ? 0.5 * ramp(depthShare / usual.depthShare, 0.2, 0.02) * ramp(looks, 30, 150)
        : 0,
    evidence: ({ usual, depthShare }) =>
      `${percent(depthShare)} of the acts, usual is ${percent(usual?.depthShare ?? 0)}`,
  },
  'bot-unshown': {
    message: 'Looks at items that no list had shown.',
    strength: ({ usual, unshownShare, looks }) =>
      usual ? 0.5 * ramp(unshownShare - usual.unshownShare, 0.3, 0.8) * ramp(looks, 30, 150) : 0,
    evidence: ({ usual, unshownShare }) =>
      `${percent(unshownShare)} of the looks, usual is ${percent(usual?.unshownShare ?? 0)}`,
  },
  'bot-order': {
    message: 'Walks through the catalogue in its order.',
    strength: ({ orderZ, orderShare }) => 0.6 * ramp(orderZ, 4, 12) * ramp(orderShare, 0.6, 0.95),
    evidence: ({ orderShare }) => `${percent((1 + orderShare) / 2)} of the steps go the same way`,
  },
  'bot-unpopular': {
    message: 'Looks at items without regard to what others want.',
    strength: ({ usual, popularity, looks }) =>
      usual ? 0.5 * ramp(usual.popularity - popularity, 0.1, 0.3) * ramp(looks, 30, 150) : 0,
    evidence: ({ usual, popularity }) =>
      `the mean item is more wanted than ${percent(popularity)}, usual is ${percent(usual?.popularity ?? 0)}`,
  },
  'bot-hammering': {
    message: 'Acts on one item again and again.',
    strength: ({ actsOnOneItem }) => 0.9 * ramp(actsOnOneItem, 40, 120),
    evidence: ({ actsOnOneItem }) => `${actsOnOneItem} acts on one item within a day`,
  },
  'bot-lockstep': {
    message: 'Acts on the same items as many other accounts, again and again.',
    strength: ({ lockstep }) =>
      lockstep
        ? 0.95 *
          ramp(lockstep.peers, 2, 6) *
          ramp(lockstep.sharedTouches, 0.8, 2) *
          ramp(lockstep.cohesion, 0.4, 0.7) *
          ramp(lockstep.audienceShare, 0.2, 0.4)
        : 0,
    evidence: ({ lockstep }) =>
      lockstep
        ? `${lockstep.peers} others, ${lockstep.sharedTouches.toFixed(1)} touches in common on items ${lockstep.items.join(', ')}`
        : '',
  },
} as const satisfies Record<string, Clue>

export type BotRule = keyof typeof CLUES
/** Weaker reasons are not worth a word. */
const STRENGTH_SHOWN_MIN = 0.05

/** @returns score from 0 to 1, and the reasons, strongest first */
export function scoreBot(observed: Observed): { score: number; reasons: BotReason[] } {
  const reasons = Object.entries(CLUES).flatMap(([rule, clue]) => {
    const strength = clue.strength(observed)
    if (strength < STRENGTH_SHOWN_MIN) return []
    return [{ rule: rule as BotRule, strength, message: clue.message, evidence: clue.evidence(observed) }]
  })
  const score = 1 - reasons.reduce((innocent, { strength }) => innocent * (1 - strength), 1)
  return { score, reasons: reasons.sort((a, b) => b.strength - a.strength) }
}

/** A reason as a finding on the shopper. */
export const reasonFinding = ({ rule, message, evidence }: BotReason): Finding => ({
  ...{ rule, severity: 'quarantine', field: 'user', message, evidence },
})
