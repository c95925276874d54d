/**
 * @file Two weeks of shopping in the sample shop. What recommendation can learn from is put in on purpose: every
 * shopper has favourite kinds and a price level, a few items are popular, and some kinds are bought together.
 */
import { createRandom, type Random } from '../../shared/lib/random.ts'
import { parsePrice } from '../../shared/quality/price.ts'
import type { EventInput } from '../../shared/schema/events.ts'
import type { SampleItem } from './catalogue.ts'
import { COMPANIONS, KINDS } from './departments.ts'
import { PEOPLE, type Person } from './people.ts'
import { pick, pickWeighted, shuffle } from './pick.ts'

export type SampleShopper = { id: string; name: string; taste: string }
type Habits = Pick<Person, 'favourites' | 'priceLevel'> & { id: string; sessions: number }
/** An item on its kind's shelf: how popular, and where on the kind's price scale (0 to 1). */
type Offer = { item: SampleItem; kind: string; popularity: number; priceRank: number }
type Shelves = Map<string, Offer[]>
type NewEvent = Pick<EventInput, 'kind' | 'itemIds'> & Partial<Pick<EventInput, 'query' | 'rating'>>

const VISITORS = 190
const DAYS = 14
const DAY_MS = 86_400_000
/** No session starts later than this before now; the longest possible one lasts an hour and a half. */
const SESSION_MS_MAX = 2 * 3_600_000
/** Exponent of the popularity law; Zipf's own is 1, and a small shop's best sellers stand out a little more. */
const ZIPF = 1.1
const FAVOURITE_SHARE = 0.85
const COMPANION_SHARE = 0.65
/** A companion is mostly one of this many popular ones, so that pairs of items repeat, not only pairs of kinds. */
const USUAL_COMPANIONS = 5

/**
 * Twelve named shoppers and everything that they and {@link VISITORS} anonymous ones did in the {@link DAYS} days before
 * `now`, oldest first. Event ids depend on `seed` only, so that sending a later run again counts nothing twice.
 */
export function sampleShoppers(
  catalogue: SampleItem[],
  { now, seed = 1 }: { now: number; seed?: number },
): { shoppers: SampleShopper[]; events: EventInput[] } {
  const random = createRandom(seed ^ 0x5a0e)
  const shelves = stockShelves(catalogue, random)
  const named = PEOPLE.map(
    ({ favourites, priceLevel }, index): Habits => ({
      id: `shopper-${index + 1}`,
      favourites: favourites.filter((kind) => shelves.has(kind)),
      priceLevel,
      sessions: 7 + Math.floor(random() * 5),
    }),
  )
  const visitors = Array.from({ length: VISITORS }, (_, index) => makeVisitor(index, shelves, random))
  const events = [...named, ...visitors].flatMap((habits) => shop(habits, shelves, { now, seed, random }))
  return {
    shoppers: PEOPLE.map(({ name, taste }, index) => ({ id: `shopper-${index + 1}`, name, taste })),
    events: events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)),
  }
}

function stockShelves(catalogue: SampleItem[], random: Random): Shelves {
  const groups = Map.groupBy(catalogue, kindOf)
  return new Map(
    [...groups].map(([kind, items]) => {
      const byPrice = items.toSorted((a, b) => priceOf(a) - priceOf(b))
      const ranks = new Map(byPrice.map(({ id }, index) => [id, index / Math.max(1, items.length - 1)]))
      const offers = shuffle(items, random).map((item, index) => ({
        item,
        kind,
        popularity: (index + 1) ** -ZIPF,
        priceRank: ranks.get(item.id)!,
      }))
      return [kind, offers]
    }),
  )
}

/** The part of an id before its number: "spk" of "spk-0042". */
export const kindOf = ({ id }: Pick<SampleItem, 'id'>): string => id.slice(0, id.lastIndexOf('-'))

const priceOf = ({ price }: SampleItem): number =>
  typeof price === 'number' ? price : (parsePrice(price)?.amount ?? 0)

function makeVisitor(index: number, shelves: Shelves, random: Random): Habits {
  const kinds = [...shelves.keys()]
  // Kinds that go with another draw more visitors; their second interest is then what goes with it.
  const first = pickWeighted(kinds, (kind) => (kind in COMPANIONS ? 4 : 1), random)
  const second = COMPANIONS[first]
  const favourites = new Set([first, second && shelves.has(second) ? second : pick(kinds, random)])
  if (random() < 0.5) favourites.add(pick(kinds, random))
  return {
    id: `visitor-${index + 1}`,
    favourites: [...favourites],
    priceLevel: random(),
    sessions: 1 + Math.floor(random() * 4),
  }
}

/** All sessions of one shopper, one in each equal part of the two weeks so that they never overlap. */
function shop(
  habits: Habits,
  shelves: Shelves,
  { now, seed, random }: { now: number; seed: number; random: Random },
): EventInput[] {
  const partMs = (DAYS * DAY_MS) / habits.sessions
  return Array.from({ length: habits.sessions }, (_, session) => {
    const sessionId = `sample-${seed}-${habits.id}-${session + 1}`
    const startMs = session * partMs + random() * (partMs - SESSION_MS_MAX)
    let timeMs = Math.floor(now - DAYS * DAY_MS + startMs)
    return visit(habits, shelves, random).map((event, index): EventInput => {
      timeMs += 8_000 + Math.floor(random() ** 2 * 240_000)
      return {
        eventId: `${sessionId}-${index + 1}`,
        userId: habits.id,
        sessionId,
        time: new Date(timeMs).toISOString(),
        ...event,
      }
    })
  }).flat()
}

/** One session: search, see, click, and now and then buy, with what goes with it. */
function visit({ favourites, priceLevel }: Habits, shelves: Shelves, random: Random): NewEvent[] {
  const likes = favourites.length > 0 && random() < FAVOURITE_SHARE
  const shelf = shelves.get(likes ? pick(favourites, random) : pick([...shelves.keys()], random))!
  const choose = (offers: Offer[]) =>
    pickWeighted(
      offers,
      // A shopper of the middle class looks at the dearest rarely, not never.
      ({ popularity, priceRank }) => popularity * Math.exp(-(((priceRank - priceLevel) / 0.35) ** 2)),
      random,
    )
  const events: NewEvent[] = []
  const seen = new Set<Offer>()
  const searches = 1 + Math.floor(random() * 2)
  for (let search = 0; search < searches; search++) {
    const wanted = choose(shelf)
    if (random() < 0.85) events.push({ kind: 'search', itemIds: [], query: queryFor(wanted, random) })
    const shown = new Set([wanted])
    for (let slot = 0; slot < 9; slot++) shown.add(choose(shelf))
    const list = shuffle([...shown], random)
    events.push({ kind: 'impression', itemIds: list.map(({ item }) => item.id) })
    const clicks = 1 + Math.floor(random() * 2.6)
    for (const offer of new Set([wanted, ...list].slice(0, clicks))) {
      events.push(of('click', offer), of('view', offer))
      seen.add(offer)
    }
  }
  const wanted = [...seen].filter(({ item }) => item.stock > 0)
  if (wanted.length > 0 && random() < 0.6) {
    events.push(
      ...buy(
        pickWeighted(wanted, ({ popularity }) => popularity, random),
        shelves,
        random,
      ),
    )
  }
  return events
}

function buy(offer: Offer, shelves: Shelves, random: Random): NewEvent[] {
  const events = [of('add-to-cart', offer)]
  const basket = [offer]
  const companions = (shelves.get(COMPANIONS[offer.kind] ?? '') ?? []).filter(({ item }) => item.stock > 0)
  if (companions.length > 0 && random() < COMPANION_SHARE) {
    const usual = companions.slice(0, USUAL_COMPANIONS)
    // Each item has its own usual companion: a printer needs its own ink.
    const own = usual[Math.round(offer.popularity * 1_000) % usual.length]!
    const companion = random() < 0.85 ? own : pickWeighted(companions, ({ popularity }) => popularity, random)
    events.push(of('view', companion), of('add-to-cart', companion))
    basket.push(companion)
  }
  if (random() < 0.25) return events
  events.push({ kind: 'purchase', itemIds: basket.map(({ item }) => item.id) })
  if (random() < 0.2) events.push({ ...of('rating', offer), rating: pick([2, 3, 4, 4, 5, 5, 5], random) })
  return events
}

const of = (kind: EventInput['kind'], { item }: Offer): NewEvent => ({ kind, itemIds: [item.id] })

/** What a shopper types who has such an item in mind: its noun, often with a feature or the brand of its title. */
function queryFor({ item, kind }: Offer, random: Random): string {
  const { nouns, language } = KINDS.find(({ prefix }) => prefix === kind) ?? { nouns: [], language: 'en' }
  // The longest noun of the title: "portable Bluetooth speaker" contains no shorter one by chance.
  const noun = nouns.filter((name) => item.title.includes(name)).sort((a, b) => b.length - a.length)[0]
  if (noun === undefined) return item.title.slice(0, 40)
  const features = item.title.split(language === 'zh' ? ' ' : ', ').slice(language === 'zh' ? 4 : 1)
  const style = random()
  if (style < 0.4 || features.length === 0) return noun
  if (style < 0.55) return `${item.brand} ${noun}`
  const feature = pick(features, random)
  if (feature.includes(noun)) return feature
  return /^(for|from|by) /.test(feature) ? `${noun} ${feature}` : `${feature} ${noun}`
}
