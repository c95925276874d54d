/**
 * @file What a shopper's own events say about how they were made, as numbers: pace, rhythm, rest, breadth, order. Nothing here
 * says what is suspicious; that is `bot-score.ts`.
 *
 * An *act* is an event that a hand makes: everything but an impression. A *look* is a view or click of an item, those of one item
 * within a moment being one (most shops send a click and a view). A *moment* is a time stamp: a backend that sends a shopper's
 * events with the time of its own batch gives many acts one moment, which says nothing about the hand.
 */
import { byShopper, type EventColumns, KIND } from './event-columns.ts'
import { median, quantile } from './quantiles.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** A longer pause is the end of a session. */
const SESSION_GAP_MS = 30 * MINUTE_MS
/** A click and the view that follows from it are one look. */
const SAME_LOOK_MS = 3 * SECOND_MS
/** Fewer gaps say nothing about a rhythm. */
const GAPS_MIN = 20
/** Rhythm is seen only where gaps are this many times coarser than the sender's clock. */
const TICKS_PER_GAP_MIN = 10
/** Of the times on an item, the one that a person with many tabs still exceeds now and then. */
const DWELL_QUANTILE = 0.9

export type ShopperFeatures = {
  acts: number
  /** Looks at different moments within the busiest ten minutes, and within the busiest hour. */
  looksPerTenMinutes: number
  looksPerHour: number
  /** Robust standard deviation of the logarithm of the gaps within sessions; null where it cannot be seen. */
  gapSpread: number | null
  /** Nine in ten times from one item to another within sessions are shorter, milliseconds; null where it cannot be seen. */
  dwellMs: number | null
  /** Different hours with an act within the busiest 24. */
  hoursAwake: number
  looks: number
  itemsSeen: number
  /** Most acts on one item within 24 hours. */
  actsOnOneItem: number
  /** Acts beyond looking: search, cart, purchase, rating; as a share of all acts. */
  depthShare: number
  /** How far the looks go up (or down) the item numbers one after the other: 0 for as often up as down, 1 for one way only. */
  orderShare: number
  /** The same as z against a random order. */
  orderZ: number
  /** Mean place of the items looked at in the order of popularity: 0 what nobody wants, 1 what all want, 0.5 a usual look. */
  popularity: number
  /** Share of looks at items that nothing had shown to this shopper. */
  unshownShare: number
}

/** Features of each shopper, in the order of `columns.shoppers`. Cost: the sorting of the events. */
export function shopperFeatures(columns: EventColumns): ShopperFeatures[] {
  const { order, from } = byShopper(columns)
  const popularity = popularityOfItems(columns, order, from)
  const tickMs = clockTicks(columns)
  return columns.shoppers.map((_, at) => {
    const own = order.subarray(from[at], from[at + 1])
    return featuresOf(columns, own, popularity, tickMs)
  })
}

function featuresOf(
  columns: EventColumns,
  own: Uint32Array,
  popularityOf: ReadonlyMap<number, number>,
  logTickMs: number,
): ShopperFeatures {
  const { timeMs, kind } = columns
  const acts = [...own].filter((event) => kind[event] !== KIND.impression)
  const moments = [...new Set(acts.map((event) => timeMs[event]!))]
  const looks = looksOf(columns, own)
  const gaps = gapsWithin(moments)
  // A shopper whose backend has a coarser clock than the others is measured by that clock.
  const tickMs = Math.max(logTickMs, tickOf(moments))
  const isFineEnough = gaps.length >= GAPS_MIN && median(gaps) >= TICKS_PER_GAP_MIN * tickMs
  const lookMoments = [...new Set(looks.map(({ timeMs }) => timeMs))]
  const turns = looks.filter(({ item }, at) => at === 0 || looks[at - 1]!.item !== item)
  const dwells = gapsWithin(turns.map(({ timeMs }) => timeMs))
  const dwellMs = quantile(dwells, DWELL_QUANTILE)
  const items = new Set(looks.map(({ item }) => item))
  const deep = acts.filter((event) => kind[event] !== KIND.view && kind[event] !== KIND.click).length
  const share = (count: number, of: number) => (of === 0 ? 0 : count / of)
  return {
    acts: acts.length,
    looksPerTenMinutes: mostWithin(lookMoments, 10 * MINUTE_MS),
    looksPerHour: mostWithin(lookMoments, HOUR_MS),
    gapSpread: isFineEnough ? robustSpread(gaps.map(Math.log)) : null,
    dwellMs: dwells.length >= GAPS_MIN && dwellMs > tickMs ? dwellMs : null,
    hoursAwake: hoursAwake(moments),
    looks: looks.length,
    itemsSeen: items.size,
    actsOnOneItem: actsOnOneItem(columns, acts),
    depthShare: share(deep, acts.length),
    ...orderOf(looks.map(({ item }) => item)),
    popularity: share(
      looks.reduce((sum, { item }) => sum + popularityOf.get(item)!, 0),
      looks.length,
    ),
    unshownShare: share(looks.filter(({ isShown }) => !isShown).length, looks.length),
  }
}

export type Look = { item: number; timeMs: number; isShown: boolean }

/** @param own events of one shopper, oldest first */
export function looksOf({ timeMs, kind, items, itemsFrom }: EventColumns, own: Uint32Array): Look[] {
  const looks: Look[] = []
  const lastMs = new Map<number, number>()
  const shown = new Set<number>()
  for (const event of own) {
    const isLook = kind[event] === KIND.view || kind[event] === KIND.click
    for (let at = itemsFrom[event]!; at < itemsFrom[event + 1]!; at++) {
      const item = items[at]!
      if (kind[event] === KIND.impression) shown.add(item)
      if (!isLook) continue
      const now = timeMs[event]!
      if (now - (lastMs.get(item) ?? Number.NEGATIVE_INFINITY) > SAME_LOOK_MS)
        looks.push({ item, timeMs: now, isShown: shown.has(item) })
      lastMs.set(item, now)
    }
  }
  return looks
}

/** Item → share of all looks that went to items with fewer shoppers, those with as many counting half. */
function popularityOfItems(
  columns: EventColumns,
  order: Uint32Array,
  from: Uint32Array,
): Map<number, number> {
  const shoppersOf = new Map<number, number>()
  for (let at = 0; at < columns.shoppers.length; at++) {
    const items = new Set(looksOf(columns, order.subarray(from[at], from[at + 1])).map(({ item }) => item))
    for (const item of items) shoppersOf.set(item, (shoppersOf.get(item) ?? 0) + 1)
  }
  // A shopper counts once for an item, so that no one shopper makes it popular.
  const looksAt = new Map<number, number>()
  for (const count of shoppersOf.values()) looksAt.set(count, (looksAt.get(count) ?? 0) + count)
  const all = [...looksAt.values()].reduce((sum, looks) => sum + looks, 0)
  const placeOf = new Map<number, number>()
  let below = 0
  for (const [count, looks] of [...looksAt].sort(([a], [b]) => a - b)) {
    placeOf.set(count, (below + looks / 2) / all)
    below += looks
  }
  return new Map([...shoppersOf].map(([item, count]) => [item, placeOf.get(count)!]))
}

const TICKS_MS = [MINUTE_MS, 10 * SECOND_MS, SECOND_MS] as const
const TICK_SHARE = 0.9

/** The clock that nearly all time stamps of a log keep: whole minutes, whole seconds, or finer (1). */
const clockTicks = ({ timeMs, count }: EventColumns): number => tickOf(timeMs.subarray(0, count))

function tickOf(times: Float64Array | readonly number[]): number {
  const isOn = (tick: number) => {
    let on = 0
    for (const time of times) if (time % tick === 0) on++
    return on >= TICK_SHARE * times.length
  }
  return TICKS_MS.find(isOn) ?? 1
}

/** Positive gaps between times that follow one another within a session. */
function gapsWithin(times: readonly number[]): number[] {
  return times.slice(1).flatMap((time, at) => {
    const gap = time - times[at]!
    return gap > 0 && gap <= SESSION_GAP_MS ? [gap] : []
  })
}

/** Most of the ascending `times` within any span of `spanMs`. */
function mostWithin(times: readonly number[], spanMs: number): number {
  let [most, first] = [0, 0]
  times.forEach((time, at) => {
    while (time - times[first]! >= spanMs) first++
    most = Math.max(most, at - first + 1)
  })
  return most
}

function hoursAwake(moments: readonly number[]): number {
  const hours = [...new Set(moments.map((time) => Math.floor(time / HOUR_MS)))]
  return mostWithin(hours, 24)
}

function actsOnOneItem({ timeMs, items, itemsFrom }: EventColumns, acts: readonly number[]): number {
  const timesOf = new Map<number, number[]>()
  for (const event of acts)
    for (let at = itemsFrom[event]!; at < itemsFrom[event + 1]!; at++) {
      const times = timesOf.get(items[at]!)
      if (times) times.push(timeMs[event]!)
      else timesOf.set(items[at]!, [timeMs[event]!])
    }
  return [...timesOf.values()].reduce((most, times) => Math.max(most, mostWithin(times, DAY_MS)), 0)
}

/** Ascents of n numbers in random order: mean (n − 1) / 2, variance (n + 1) / 12. Source: Knuth, TAOCP 3, 5.1.3. */
function orderOf(items: readonly number[]): Pick<ShopperFeatures, 'orderShare' | 'orderZ'> {
  const steps = items.filter((item, at) => at === 0 || item !== items[at - 1])
  const n = steps.length
  if (n < GAPS_MIN) return { orderShare: 0, orderZ: 0 }
  const ascents = steps.filter((item, at) => at > 0 && item > steps[at - 1]!).length
  const beyond = Math.abs(ascents - (n - 1) / 2)
  return { orderShare: (2 * beyond) / (n - 1), orderZ: beyond / Math.sqrt((n + 1) / 12) }
}

/** Interquartile range over that of a standard normal. */
const robustSpread = (values: readonly number[]): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / 1.349
