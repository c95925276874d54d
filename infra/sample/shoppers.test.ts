import { describe, expect, it } from 'vitest'
import { EventInput } from '../../shared/schema/events.ts'
import { sampleCatalogue } from './catalogue.ts'
import { COMPANIONS } from './departments.ts'
import { PEOPLE } from './people.ts'
import { kindOf, sampleShoppers } from './shoppers.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const DAYS_MS = 14 * 86_400_000
const catalogue = sampleCatalogue()
const { shoppers, events } = sampleShoppers(catalogue, { now: NOW })
const kindOfId = (id: string) => kindOf({ id })

describe('sampleShoppers', () => {
  it('names twelve shoppers and adds visitors who only leave events', () => {
    expect(shoppers.map(({ id }) => id)).toEqual(PEOPLE.map((_, index) => `shopper-${index + 1}`))
    const users = new Set(events.map(({ userId }) => userId))
    expect(users.size).toBe(12 + 190)
  })

  it('sends 5,000 to 7,000 valid events about known items, in the last two weeks, in order', () => {
    expect(events.length).toBeGreaterThanOrEqual(5_000)
    expect(events.length).toBeLessThanOrEqual(7_000)
    const known = new Set(catalogue.map(({ id }) => id))
    for (const event of events) {
      expect(EventInput.safeParse(event).success).toBe(true)
      expect(event.itemIds.every((id) => known.has(id))).toBe(true)
    }
    const times = events.map(({ time }) => Date.parse(time))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[0]).toBeGreaterThanOrEqual(NOW - DAYS_MS)
    expect(times.at(-1)).toBeLessThanOrEqual(NOW)
  })

  it('gives the same ids at another time, and others for another seed', () => {
    const ids = (list: typeof events) => list.map(({ eventId }) => eventId).sort()
    expect(sampleShoppers(catalogue, { now: NOW }).events).toEqual(events)
    expect(new Set(ids(events)).size).toBe(events.length)
    expect(ids(sampleShoppers(catalogue, { now: NOW + 1e9 }).events)).toEqual(ids(events))
    const other = new Set(ids(sampleShoppers(catalogue, { now: NOW, seed: 2 }).events))
    expect(ids(events).some((id) => other.has(id))).toBe(false)
  })

  it('shows the taste: favourite categories have a far larger share of the views', () => {
    const views = events.filter(({ kind }) => kind === 'view')
    const share = (list: typeof events, favourites: string[]) =>
      list.filter(({ itemIds }) => favourites.includes(kindOfId(itemIds[0]!))).length / list.length
    for (const [index, { favourites }] of PEOPLE.entries()) {
      const own = views.filter(({ userId }) => userId === `shopper-${index + 1}`)
      expect(share(own, favourites)).toBeGreaterThan(2.5 * share(views, favourites))
    }
  })

  it('buys companion categories together more often than chance', () => {
    const baskets = events
      .filter(({ kind }) => kind === 'purchase')
      .map(({ itemIds }) => new Set(itemIds.map(kindOfId)))
    const count = (...kinds: string[]) => baskets.filter((set) => kinds.every((kind) => set.has(kind))).length
    for (const [first, second] of Object.entries(COMPANIONS)) {
      const byChance = (count(first) * count(second)) / baskets.length
      expect(count(first, second)).toBeGreaterThan(2 * byChance)
    }
  })

  it('has few popular items and many rare ones', () => {
    const seen = new Map<string, number>()
    for (const { itemIds } of events) for (const id of itemIds) seen.set(id, (seen.get(id) ?? 0) + 1)
    const counts = [...seen.values()].sort((a, b) => b - a)
    const total = counts.reduce((sum, next) => sum + next, 0)
    const top = counts.slice(0, 200).reduce((sum, next) => sum + next, 0)
    expect(top / total).toBeGreaterThan(0.3)
  })
})
