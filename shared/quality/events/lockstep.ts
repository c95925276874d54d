/**
 * @file Click farms: many accounts that come back to the same few items. Each account alone may look like a person; together they
 * agree on more than people do. Two shoppers who looked at the same popular items once are no sign of it, nor is a crowd that
 * follows a link: what counts is what two accounts do *again and again* on the same items, and how many such others there are.
 * In the spirit of CopyCatch (Beutel et al., WWW 2013), without its seeds: candidates come from an inverted list of main items.
 */
import { byShopper, type EventColumns } from './event-columns.ts'
import { looksOf } from './shopper-features.ts'

export type Lockstep = {
  /** Other shoppers who do nearly the same. */
  peers: number
  /** Touches in common with them, weighed by how rare the items are; the mean over the closest `CLOSEST_PEERS`. */
  sharedTouches: number
  /** Of the closest peers, the share of pairs that are peers of one another: interests overlap in chains, a farm is a block. */
  cohesion: number
  /** Of those who touched the items in common, the share that are peers: a farm is most of the audience of what it pushes. */
  audienceShare: number
  /** Names the group; equal for all that are linked by peers. */
  group: number
  /** Items that the shopper has most in common with the peers, most first. */
  items: number[]
}

/** Items of a shopper that are compared, most touched first; the others are camouflage or curiosity. */
const ITEMS_COMPARED = 16
/** Only shoppers who have one of their main items in common are compared. */
const MAIN_ITEMS = 4
/** Of an item that is a main one of more shoppers, so many are compared: a farm within them still shows. */
const SHOPPERS_PER_ITEM_MAX = 400
/** Dice coefficient of two shoppers' touches from which on they are alike. */
const ALIKE_MIN = 0.3
/** Fewer touches in common are a coincidence. */
const SHARED_TOUCHES_MIN = 0.8
/** Interests meet on an item; to come back to it together is another thing. */
const FIRST_TOUCH = 0.3
/** An item that one shopper in so many touches counts fully; more popular ones less. */
const RARE_SHARE = 1 / 40
const CLOSEST_PEERS = 5
/** So many of the closest peers are looked at for cohesion. */
const COHESION_PEERS = 30
const ITEMS_SHOWN = 5

type Touches = { total: number; top: Map<number, number> }
type Pair = { other: number; shared: number }

/** @returns for each shopper of `columns.shoppers` what is known of peers; null for most */
export function findLockstep(columns: EventColumns): (Lockstep | null)[] {
  const touches = touchesOf(columns)
  const holders = new Map<number, number>()
  for (const { top } of touches)
    for (const item of top.keys()) holders.set(item, (holders.get(item) ?? 0) + 1)
  const weightOf = (item: number) => {
    const share = holders.get(item)! / touches.length
    return Math.min(1, Math.log(1 / share + 1) / Math.log(1 / RARE_SHARE + 1))
  }
  const pairs = pairsOf(touches, weightOf)
  const peers = pairs.map((own) => new Set(own.map(({ other }) => other)))
  const groups = groupsOf(pairs)
  return pairs.map((own, shopper) => {
    if (own.length === 0) return null
    const nearest = own.toSorted((a, b) => b.shared - a.shared || a.other - b.other)
    const closest = nearest.slice(0, CLOSEST_PEERS)
    const inCommon = new Map<number, { touches: number; peers: number }>()
    for (const { other } of own)
      for (const [item, count] of touches[shopper]!.top) {
        const shared = Math.min(count, touches[other]!.top.get(item) ?? 0)
        if (shared === 0) continue
        const known = inCommon.get(item)
        inCommon.set(item, { touches: (known?.touches ?? 0) + shared, peers: (known?.peers ?? 0) + 1 })
      }
    const main = [...inCommon].sort(([a, x], [b, y]) => y.touches - x.touches || a - b).slice(0, ITEMS_SHOWN)
    const all = main.reduce((sum, [, { touches }]) => sum + touches, 0)
    const audience = main.reduce(
      (sum, [item, { touches, peers }]) => sum + touches * ((peers + 1) / holders.get(item)!),
      0,
    )
    return {
      peers: own.length,
      sharedTouches: closest.reduce((sum, { shared }) => sum + shared, 0) / closest.length,
      cohesion: cohesionOf(nearest.slice(0, COHESION_PEERS), peers),
      group: groups[shopper]!,
      audienceShare: audience / all,
      items: main.map(([item]) => item),
    }
  })
}

function touchesOf(columns: EventColumns): Touches[] {
  const { order, from } = byShopper(columns)
  return columns.shoppers.map((_, at) => {
    const own = order.subarray(from[at], from[at + 1])
    const counts = new Map<number, number>()
    for (const { item } of looksOf(columns, own)) counts.set(item, (counts.get(item) ?? 0) + 1)
    const top = [...counts].sort(([a, x], [b, y]) => y - x || a - b).slice(0, ITEMS_COMPARED)
    return { total: [...counts.values()].reduce((sum, count) => sum + count, 0), top: new Map(top) }
  })
}

function pairsOf(touches: readonly Touches[], weightOf: (item: number) => number): Pair[][] {
  const mainOf = new Map<number, number[]>()
  touches.forEach(({ top }, shopper) => {
    for (const item of [...top.keys()].slice(0, MAIN_ITEMS)) {
      const list = mainOf.get(item)
      if (!list) mainOf.set(item, [shopper])
      else if (list.length < SHOPPERS_PER_ITEM_MAX) list.push(shopper)
    }
  })
  const found = touches.map(() => new Map<number, number>())
  for (const list of mainOf.values())
    for (let a = 0; a < list.length; a++)
      for (let b = a + 1; b < list.length; b++) {
        const [one, other] = [list[a]!, list[b]!]
        if (found[one]!.has(other)) continue
        const shared = sharedOf(touches[one]!, touches[other]!, weightOf)
        if (shared === 0) continue
        found[one]!.set(other, shared)
        found[other]!.set(one, shared)
      }
  return found.map((peers) => [...peers].map(([other, shared]) => ({ other, shared })))
}

/** Weighed touches in common, or 0 where two shoppers are not alike. */
function sharedOf(a: Touches, b: Touches, weightOf: (item: number) => number): number {
  let [common, weighed] = [0, 0]
  for (const [item, count] of a.top) {
    const both = Math.min(count, b.top.get(item) ?? 0)
    common += both
    if (both > 0) weighed += (both - 1 + FIRST_TOUCH) * weightOf(item)
  }
  const isAlike = (2 * common) / (a.total + b.total) >= ALIKE_MIN
  return isAlike && weighed >= SHARED_TOUCHES_MIN ? weighed : 0
}

function cohesionOf(nearest: readonly Pair[], peers: readonly ReadonlySet<number>[]): number {
  if (nearest.length < 2) return 0
  let linked = 0
  for (const { other: a } of nearest) for (const { other: b } of nearest) if (peers[a]!.has(b)) linked++
  return linked / (nearest.length * (nearest.length - 1))
}

/** The smallest shopper that can be reached over peers, for each. */
function groupsOf(pairs: readonly (readonly Pair[])[]): number[] {
  const group = pairs.map(() => -1)
  pairs.forEach((_, first) => {
    if (group[first] !== -1) return
    const open = [first]
    group[first] = first
    for (let next = open.pop(); next !== undefined; next = open.pop())
      for (const { other } of pairs[next]!)
        if (group[other] === -1) {
          group[other] = first
          open.push(other)
        }
  })
  return group
}
