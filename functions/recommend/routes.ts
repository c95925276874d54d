/** @file HTTP surface of recommendations. */
import { createRoute, z } from '@hono/zod-openapi'
import { FILTER_CHARS_MAX, type Filter, isOfFacts, parseFilter } from '../../shared/retrieval/filter.ts'
import { Objective } from '../../shared/schema/objectives.ts'
import { RankedReply } from '../../shared/schema/replies.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { keyProblems, limitParam, PUBLIC, rankedJsonReply } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'
import type { PseudonymOf } from '../http/pseudonym.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import type { ReportStages } from '../ranking/stage-report.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'
import { LANGUAGES } from './reasons.ts'
import type { Recommend } from './recommend.ts'
import { DIVERSITIES, type Rules } from './request.ts'
import { NEEDS_CONTEXT, NEEDS_SHOPPER, SCENARIO_NAMES } from './scenarios.ts'

const LIMIT_MAX = 100
const CART_ITEMS_MAX = 50
const RECENT_MAX = 20
const PLACED_MAX = 10
const BOOSTS_MAX = 5
const BOOST_MAX = 10
const EXPLORE_MAX = 0.5
const ITEM_ID_CHARS_MAX = 128

/** A list in one parameter. */
const listParam = <T>(separator: string, max: number, entry: z.ZodType<T, string>, description: string) =>
  z
    .string()
    .transform((text) => text.split(separator).filter(Boolean))
    .pipe(z.array(entry).max(max))
    .optional()
    .openapi({ type: 'string', description })

const itemId = z.string().min(1).max(ITEM_ID_CHARS_MAX)

/** Conditions that can be looked at item by item. */
const factFilter = z
  .string()
  .max(FILTER_CHARS_MAX)
  .transform((text, context): Filter => {
    const parsed = parseFilter(text)
    if (parsed.ok && isOfFacts(parsed.value)) return parsed.value
    const message = parsed.ok
      ? 'only price, stock, inStock, brand and category can be asked for here'
      : `at character ${parsed.error.position + 1}: ${parsed.error.message}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

const RECENT_KINDS = ['view', 'click', 'add-to-cart', 'purchase'] as const
const recentEntry = z.string().transform((text, context) => {
  const colon = text.indexOf(':')
  const kind = RECENT_KINDS.find((one) => one === text.slice(0, colon))
  const id = itemId.safeParse(text.slice(colon + 1))
  if (kind && id.success) return { kind, itemId: id.data }
  context.addIssue({
    code: 'custom',
    message: `expected KIND:ITEM with a kind of ${RECENT_KINDS.join(', ')}`,
  })
  return z.NEVER
})
const sponsoredEntry = z.string().transform((text, context) => {
  const colon = text.lastIndexOf(':')
  const id = itemId.safeParse(text.slice(0, colon))
  const rank = Number(text.slice(colon + 1))
  if (colon > 0 && id.success && Number.isInteger(rank) && rank >= 1 && rank <= LIMIT_MAX)
    return { itemId: id.data, rank }
  context.addIssue({ code: 'custom', message: `expected ITEM:RANK with a rank from 1 to ${LIMIT_MAX}` })
  return z.NEVER
})
const boostEntry = z
  .string()
  .transform((text) => {
    const colon = Math.max(0, text.indexOf(':'))
    return { factor: Number(text.slice(0, colon)), filter: text.slice(colon + 1) }
  })
  .pipe(
    z.object({
      factor: z
        .number()
        .min(1 / BOOST_MAX)
        .max(BOOST_MAX),
      filter: factFilter,
    }),
  )

const RecommendQuery = z
  .object({
    userId: z.string().min(1).max(256).optional().openapi({
      description:
        'The shopper, as the shop names them, or a session. Scenarios that are not the shopper’s own do without.',
      example: 'shopper-1',
    }),
    scenario: z.enum(SCENARIO_NAMES).default('for-you').openapi({
      description:
        'What the list is for. `similar`, `complementary` and `bought-together` are about `itemId` or `cart`; `recently-viewed` and `buy-again` are the shopper’s own items; `next-category` shows one item each of categories that the shopper has not turned to. Where a scenario has nothing to say, the list is that of a new shopper.',
    }),
    limit: limitParam(LIMIT_MAX, 20),
    itemId: itemId.optional().openapi({ description: 'The item being looked at.' }),
    cart: listParam(
      ',',
      CART_ITEMS_MAX,
      itemId,
      `Item ids in the cart, joined by commas, at most ${CART_ITEMS_MAX}.`,
    ),
    recent: listParam(
      ',',
      RECENT_MAX,
      recentEntry,
      `What the shopper just did and the profile may not have yet, newest first: KIND:ITEM joined by commas, at most ${RECENT_MAX}; kinds are ${RECENT_KINDS.join(', ')}. What the profile has counts once.`,
    ),
    filter: factFilter.optional().openapi({
      type: 'string',
      description: 'Only items that pass, as in search; of price, stock, inStock, brand and category.',
      example: 'price<100 AND inStock',
    }),
    boost: listParam(
      ';',
      BOOSTS_MAX,
      boostEntry,
      `FACTOR:FILTER joined by semicolons, at most ${BOOSTS_MAX}: scores of items that pass are multiplied; 1/${BOOST_MAX} to ${BOOST_MAX}, below 1 buries.`,
    ).openapi({ example: '2:brand="HP";0.5:price>100' }),
    pin: listParam(
      ',',
      PLACED_MAX,
      itemId,
      `Items for the first places, joined by commas, at most ${PLACED_MAX}.`,
    ),
    sponsored: listParam(
      ',',
      PLACED_MAX,
      sponsoredEntry,
      `Items for places that are paid for: ITEM:RANK joined by commas, at most ${PLACED_MAX}. They are marked.`,
    ),
    maxPerCategory: z.coerce.number().int().min(1).max(LIMIT_MAX).optional(),
    maxPerBrand: z.coerce.number().int().min(1).max(LIMIT_MAX).optional(),
    diversity: z.enum(DIVERSITIES).default('groups').openapi({
      description:
        'How the list is kept from being all of one kind: by category, by likeness (MMR or DPP), or not.',
    }),
    explore: z.coerce
      .number()
      .min(0)
      .max(EXPLORE_MAX)
      .default(0)
      .openapi({
        description: `ε, 0 to ${EXPLORE_MAX}: every fifth place shows something else so often. Hits then carry their propensity.`,
      }),
    lang: z.enum(LANGUAGES).default('en').openapi({ description: 'Language of the reasons.' }),
    objective: Objective.default('balanced').openapi({
      description:
        'What a learnt ranker that says outcomes ranks for; others do not look at it. Revenue is what is bought, times its price.',
    }),
    explain: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true')
      .openapi({ type: 'boolean', description: 'Hits then say what their score is made of.' }),
  })
  .refine(({ scenario, userId }) => userId !== undefined || !NEEDS_SHOPPER.includes(scenario), {
    path: ['userId'],
    message: 'is needed in this scenario',
  })
  .refine(
    ({ scenario, itemId, cart = [] }) =>
      itemId !== undefined || cart.length > 0 || !NEEDS_CONTEXT.includes(scenario),
    { path: ['scenario'], message: 'is about an item: give itemId or cart' },
  )
type RecommendQuery = z.output<typeof RecommendQuery>

type Deps = {
  recommend: Recommend
  holder: IndexHolder
  pseudonymOf: PseudonymOf
  reportStages: ReportStages
}

export function recommendRoutes({ recommend, holder, pseudonymOf, reportStages }: Deps) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/recommendations',
      tags: ['Shopper'],
      summary: 'Recommend items to a shopper',
      description:
        'From what the shopper did so far; popular and varied items for one who is new. When the profile does not come in time (50 ms unless configured), or cannot be read, popular items are given and `degraded` says so.',
      security: PUBLIC,
      request: { query: RecommendQuery },
      responses: {
        200: rankedJsonReply(RankedReply, 'Hits, best first, each with its score and reasons.'),
        ...problemResponses(400, 503),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const query = c.req.valid('query')
      const { userId, scenario, limit, itemId, cart = [], recent = [], lang, objective, explain } = query
      const stages = c.get('stages')
      stages.begin('index')
      const waitUntil = waitUntilOf(c)
      const index = await holder.current(waitUntil)
      if (!index) throw new ProblemError({ kind: 'index-not-ready' })
      stages.begin('profile')
      const request = {
        ...{ requestId: c.get('requestId'), scenario, limit, itemId, cart, recent, objective, explain },
        ...{ user: userId === undefined ? null : await pseudonymOf(userId) },
        ...{ rules: rulesOf(query), language: lang },
      }
      const reply = await recommend(index, holder.signals(), request, stages, waitUntil)
      if (!reply) throw new ProblemError({ kind: 'index-not-ready' })
      reportStages(c, 'recommend', reply)
      return c.json(reply, 200)
    },
  )
  return app
}

const rulesOf = (query: RecommendQuery): Rules => ({
  filter: query.filter ?? [],
  boosts: query.boost ?? [],
  pins: query.pin ?? [],
  sponsored: query.sponsored ?? [],
  categoryMax: query.maxPerCategory ?? LIMIT_MAX,
  brandMax: query.maxPerBrand ?? LIMIT_MAX,
  diversity: query.diversity,
  explore: query.explore,
})
