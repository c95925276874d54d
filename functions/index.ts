/** @file Composition root of the edge: builds adapters once for each isolate, mounts routes, exports fetch, queue, scheduled. */
import relaxedKernels from '../shared/kernels/relaxed.wasm'
import { QUALITY_RUN_ID } from '../shared/schema/models.ts'
import { REFUSED_ROWS_MAX } from '../shared/schema/quality-report.ts'
import { createWasmEngine } from '../shared/vector/wasm-engine.ts'
import { createCatalog } from './catalog/catalog.ts'
import { createDeadLetters } from './catalog/dead-letters.ts'
import { createIdempotency } from './catalog/idempotency.ts'
import { createOutbox } from './catalog/outbox.ts'
import { catalogRoutes } from './catalog/routes.ts'
import { createCatalogStore } from './catalog/store.ts'
import { docsRoutes } from './docs/routes.tsx'
import { type Bindings, parseConfig } from './env.ts'
import { createTakeEvents } from './events/events.ts'
import { createNumbersOf } from './events/item-numbers.ts'
import { eventRoutes } from './events/routes.ts'
import { consoleLog } from './http/app.ts'
import { createAuthenticate, findKeyInD1 } from './http/auth.ts'
import { createFrame } from './http/frame.ts'
import { createPseudonymOf } from './http/pseudonym.ts'
import { createRateLimit } from './http/rate-limit.ts'
import { createComputeSignals } from './jobs/compute-signals.ts'
import { createConsumeEvents } from './jobs/consume-events.ts'
import { createKeepDeadLetters } from './jobs/dead-letter.ts'
import { createDropSuspects } from './jobs/drop-suspects.ts'
import { createOrderReport } from './jobs/order-report.ts'
import { createModels } from './models/models.ts'
import { modelRoutes } from './models/routes.ts'
import { pageRoutes } from './page/routes.tsx'
import { createDynamoProfileStore } from './profile/dynamo-store.ts'
import type { ProfileStore } from './profile/profile.ts'
import { profileRoutes } from './profile/routes.ts'
import { createTastesOf } from './profile/tastes.ts'
import { eventQualityRoutes } from './quality/event-routes.ts'
import { qualityRoutes } from './quality/routes.ts'
import { createBindingSender, createRestSender } from './queue-sender.ts'
import { createStreamDigest } from './ranking/digest.ts'
import { createFaults } from './ranking/faults.ts'
import { createIndexHolder } from './ranking/index-holder.ts'
import type { CreateSession } from './ranking/ort-session.ts'
import { createQueryEncoder, type QueryEncoder } from './ranking/query-encoder.ts'
import { createRank } from './ranking/ranker.ts'
import { regionOf } from './ranking/region.ts'
import { createRemoteItemsOf } from './ranking/remote-items.ts'
import { createCachedRanges, createRemoteVectorsOf } from './ranking/remote-vectors-of.ts'
import type { Shard } from './ranking/shard.ts'
import { createShards } from './ranking/shards.ts'
import { createShows } from './ranking/shows.ts'
import { createItemsOf, createSourceOf } from './ranking/source-of.ts'
import { createReportStages } from './ranking/stage-report.ts'
import { StageTimer } from './ranking/stages.ts'
import { createWarmHolder } from './ranking/warm-holder.ts'
import { createRecommend } from './recommend/recommend.ts'
import { recommendRoutes } from './recommend/routes.ts'
import { searchRoutes } from './search/routes.ts'
import { createSearch } from './search/search.ts'
import { similarRoutes } from './similar/routes.ts'
import { statusRoutes } from './status/routes.ts'
import { suggestRoutes } from './suggest/routes.ts'

export { SearchShard } from './ranking/search-shard.ts'

type Edge = ReturnType<typeof createEdge>
/** In the place of what is behind a network or is a model, for a run of the edge that shall be about neither. */
export type EdgePorts = { profiles?: ProfileStore; encoder?: QueryEncoder }

export function createEdge(env: Bindings, ports: EdgePorts = {}) {
  const config = parseConfig(env)
  const { DB: db, BUCKET: bucket } = env
  const clock = () => Date.now()
  const stageClock = () => performance.now()
  const warn = (message: string) => consoleLog({ level: 'warn', message })
  const queue = config.queueApi
    ? createRestSender(config.queueApi)
    : createBindingSender({ jobs: env.JOBS, events: env.EVENTS })

  const { SHARDS: namespace } = env
  const shards =
    namespace &&
    createShards({
      open(placementId, shard) {
        const id = namespace.idFromName(`${region ?? 'any'}/${placementId}/${shard}`)
        return namespace.get(id, region ? { locationHint: region } : {}) as unknown as Shard
      },
      clock,
      log: warn,
    })
  const faults = createFaults(clock)
  const { count: countFault } = faults
  const engine = createWasmEngine({ name: 'relaxed-simd', module: relaxedKernels })
  const remoteVectorsOf = createRemoteVectorsOf(config.vectorSource, env, warn, countFault)
  const ownHolder = createIndexHolder({
    bucket,
    engine,
    clock,
    createDigest: createStreamDigest,
    countFault,
    needsVectors: (manifest, segmentId) => !remoteVectorsOf(manifest)?.covers(segmentId),
    // Of a divided index a Worker holds the manifest only.
    segmentsOf: ({ segments, placement }) => (shards && placement ? [] : segments),
  })
  const holder = shards ? createWarmHolder({ holder: ownHolder, shards, clock, countFault }) : ownHolder
  const shows = createShows(shards ?? null)
  // Brings 14 MB of WebAssembly with it: only when a model is wanted.
  const createSession: CreateSession = async (model) =>
    (await import('./ranking/ort-session.ts')).createOrtSession(model)
  const encoder = ports.encoder ?? createQueryEncoder({ bucket, clock, createSession })
  const rank = createRank({ bucket, clock, createSession })
  const pseudonymOf = createPseudonymOf(config.pseudonymSecret)
  const profiles =
    ports.profiles ??
    createDynamoProfileStore(
      {
        table: config.dynamo.table,
        region: config.dynamo.region,
        endpoint: config.dynamo.endpoint,
        accessKeyId: config.dynamo.accessKeyId?.reveal() ?? '',
        secretAccessKey: config.dynamo.secretAccessKey?.reveal() ?? '',
      },
      { clock, keepMs: config.profileKeepMs },
    )
  const store = createCatalogStore(db)
  const outbox = createOutbox({ db, bucket, store, queue, shows, clock, log: warn })
  const deadLetters = createDeadLetters({ db, outbox, queue, clock })
  const idempotency = createIdempotency(db, clock)
  const catalog = createCatalog({ store, outbox, shows, clock, newBatchId: () => crypto.randomUUID() })
  const takeEvents = createTakeEvents({
    pseudonymOf,
    queue,
    clock,
    numbersOf: createNumbersOf(() => holder.held(), store.numbersOf),
  })

  const app = createFrame({
    authenticate: createAuthenticate(findKeyInD1(db), clock),
    rateLimit: env.RATE_LIMIT ?? createRateLimit(clock),
    startStages: () => new StageTimer(stageClock, config.budgetsMs),
  })
  const reportStages = createReportStages(env.ANALYTICS, faults)
  const sourceOf = createSourceOf({ shards: shards ?? null, remoteVectorsOf })
  const itemsOf = createItemsOf({
    shards: shards ?? null,
    remoteVectorsOf,
    remoteItemsOf: createRemoteItemsOf({ readRange: createCachedRanges(bucket), log: warn }),
  })
  const shopperDeps = {
    ...{ profiles, clock, consentRule: config.consentRule },
    profileBudgetMs: config.budgetsMs.profile,
  }
  const recommend = createRecommend({ itemsOf, rank, ...shopperDeps })
  const search = createSearch({ encoder, sourceOf, itemsOf, tastesOf: createTastesOf(shopperDeps) })
  app.route('/', searchRoutes({ search, holder, pseudonymOf, reportStages }))
  app.route('/', suggestRoutes(holder, shards ?? null, countFault))
  app.route('/', recommendRoutes({ recommend, holder, pseudonymOf, reportStages }))
  app.route('/', similarRoutes(holder, itemsOf, reportStages))
  app.route(
    '/',
    profileRoutes({
      ...{ profiles, holder, itemsOf, pseudonymOf, clock },
      ...{ consentRule: config.consentRule, keepMs: config.profileKeepMs },
    }),
  )
  app.route('/', eventRoutes(takeEvents))
  app.route('/', eventQualityRoutes(bucket))
  app.route('/', catalogRoutes({ catalog, store, outbox, deadLetters, idempotency, index: holder }))
  app.route(
    '/',
    statusRoutes(
      { counts: store.counts, backlog: outbox.backlog, deadLetters: deadLetters.waiting },
      holder,
      faults,
    ),
  )
  const models = createModels({ bucket, queue, clock, newRunId: () => crypto.randomUUID() })
  app.route('/', modelRoutes(models, holder))
  const reportQuality = async () => models.reportQuality(await store.refused(REFUSED_ROWS_MAX))
  app.route(
    '/',
    qualityRoutes({
      bucket,
      run: reportQuality,
    }),
  )
  app.route('/', docsRoutes(app))
  app.route(
    '/',
    pageRoutes((pageEnv, ctx) => ({
      pageKey: config.pageKey,
      shoppers: config.sampleShoppers,
      async search(query, limit) {
        const reply = await app.request(
          `/v1/search?limit=${limit}&q=${encodeURIComponent(query)}`,
          { headers: { authorization: `Bearer ${config.pageKey}` } },
          pageEnv,
          ctx,
        )
        return reply.ok ? await reply.json() : null
      },
      item: async (itemId) => (await store.find(itemId))?.item ?? null,
    })),
  )

  const consumeEvents = createConsumeEvents({
    profiles,
    consentRule: config.consentRule,
    db,
    bucket,
    clock,
    log: warn,
  })
  const keepDeadLetters = createKeepDeadLetters(deadLetters, holder)
  const computeSignals = createComputeSignals({ db, bucket, clock })
  const orderReport = createOrderReport({
    lastRun: () => models.findRun(QUALITY_RUN_ID),
    order: reportQuality,
    clock,
  })
  const dropSuspects = createDropSuspects({ db, bucket, clock, log: warn })
  return {
    app,
    async consume(batch: MessageBatch<unknown>): Promise<void> {
      if (batch.queue.endsWith('-dlq'))
        return keepDeadLetters(batch, batch.queue.startsWith('events') ? 'events' : 'jobs')
      return consumeEvents(batch)
    },
    async tick(): Promise<void> {
      const index = await holder.fresh()
      await outbox.sweep(index)
      await dropSuspects()
      await computeSignals()
      await idempotency.purge()
      await orderReport(index?.manifest.publishedAt ?? null)
    },
  }
}

// One for each isolate: the index and the caches live in it. A wrong configuration throws here, on each request.
let edge: Edge | undefined
// An isolate is in one place: the first request tells where.
let region: DurableObjectLocationHint | undefined
const edgeOf = (env: Bindings): Edge => {
  edge ??= createEdge(env)
  return edge
}

export default {
  fetch(request, env, ctx) {
    region ??= regionOf(request.cf?.['continent'])
    return edgeOf(env).app.fetch(request, env, ctx)
  },
  queue: (batch, env) => edgeOf(env).consume(batch),
  scheduled: (_event, env) => edgeOf(env).tick(),
} satisfies ExportedHandler<Bindings>
