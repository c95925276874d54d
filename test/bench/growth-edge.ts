/**
 * @file The edge of one shop in a process of its own: opens it, asks what it is told to, and tells what each request cost. `growth.ts`
 * says what is counted.
 */
import { type Bindings, createSecret } from '../../functions/env.ts'
import { createPseudonymOf } from '../../functions/http/pseudonym.ts'
import { createMemoryProfileStore } from '../../functions/profile/memory-store.ts'
import { applyEvents } from '../../functions/profile/profile.ts'
import type { ReadBucket } from '../../functions/ranking/index-holder.ts'
import { sliceOf } from '../../functions/ranking/shard.ts'
import { assert, ok } from '../../shared/lib/result.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { SIGNALS_KEY, type StoredEvent } from '../../shared/schema/events.ts'
import { MANIFEST_KEY } from '../../shared/schema/manifest.ts'
import type { RankedReply, StatusReply } from '../../shared/schema/replies.ts'
import {
  createBucket,
  type Held,
  heldBytes,
  heldSince,
  importBundle,
  openDatabase,
  openObjects,
} from './growth-isolate.ts'
import { type Links, openLinks } from './growth-links.ts'
import type { ShardEnd } from './growth-shard.ts'
import type { Ask, Kind, Shop } from './growth-shop.ts'
import { type ProfileLine, startProfile } from './own-profile.ts'

const KEY = 'secret-key-of-a-benchmark'
const PSEUDONYM_SECRET = 'a secret for benchmarks only'
const EVENT_KINDS = ['view', 'view', 'view', 'click', 'add-to-cart', 'purchase'] as const
const HOUR_MS = 3_600_000
/** Asked one after the other, shards take the time of all: what would be too late elsewhere is not here. */
const PATIENCE = 1_000
const BUDGET_MS = '10000'

export type Task = {
  bundle: string
  shop: Shop
  /** The first request of an isolate that has its bytes at hand and has done nothing, and no other. */
  isCold: boolean
  /** Warm, this process; cold, the first shard where there are shards. */
  isProfiled: boolean
}
/** Milliseconds of one request. Where shards answered, `ms` is here and in the slowest shard of each round. */
export type Cost = { kind: Kind; ms: number; hereMs: number; cpuMs: number; rounds: number }
export type Outcome = {
  costs: Cost[]
  /** Making the edge, then the stages of the last request as its `Server-Timing` tells them. */
  stages: string
  /** Of the Worker and then of each shard, bytes beyond what was held before the index came. */
  held: Held[]
  /** Resident bytes of the index, as the Worker's `/v1/status` says. */
  claimedBytes: number
  /** Manifest, signals and segments, by all isolates. */
  fetchedBytes: number
  profile: ProfileLine[] | null
  /** Sum of the first hits' scores. */
  checksum: number
}

async function run({ bundle, shop, isCold, isProfiled }: Task): Promise<Outcome> {
  const { placement } = shop.manifest
  const { createEdge } = await importBundle(bundle)
  const database = await openDatabase(KEY)
  const profiles = createMemoryProfileStore()
  await fillProfiles(profiles, shop)
  const encoder = { encode: async (_: unknown, text: string) => ok(shop.queryVectors.get(text)!) }
  const links = placement ? await openShards(shop, bundle, isCold, isProfiled && isCold) : null
  if (links) waitLonger()

  const before = await heldBytes()
  const { bucket, fetchedBytes } = openBucket(shop, isCold)
  const bindings = bindingsOf(database, bucket, links)
  await touchPlatform()
  let endProfile = isProfiled && isCold && !links ? await startProfile() : null
  const startedMs = performance.now()
  const startedCpu = process.cpuUsage()
  const { app } = createEdge(bindings, { profiles, encoder })
  const madeMs = performance.now() - startedMs
  const asker = createAsker((request) => app.fetch(request, bindings, CONTEXT), links)

  const costs: Cost[] = []
  if (isCold) costs.push(await asker.ask(shop.asked[0]!, startedMs, startedCpu))
  else {
    for (const one of shop.warmUp) await asker.ask(one)
    asker.forget()
    if (isProfiled) endProfile = await startProfile()
    for (const one of shop.asked) costs.push(await asker.ask(one))
  }
  const profile = (await endProfile?.()) ?? null
  const here = await heldSince(before)
  const { index } = (await (
    await app.fetch(requestOf('/v1/status'), bindings, CONTEXT)
  ).json()) as StatusReply
  const ends: ShardEnd[] = (await links?.end()) ?? []
  return {
    ...{ costs, stages: `edge made;dur=${madeMs.toFixed(2)}, ${asker.told().stages}` },
    checksum: asker.told().checksum,
    held: [here, ...ends.map(({ held }) => held)],
    claimedBytes: index.residentBytes,
    fetchedBytes: ends.reduce((sum, end) => sum + end.fetchedBytes, fetchedBytes()),
    profile: profile ?? ends.find((end) => end.profile)?.profile ?? null,
  }
}

function createAsker(fetch: (request: Request) => Response | Promise<Response>, links: Links | null) {
  let stages = ''
  let checksum = 0
  return {
    /** @param fromMs with `fromCpu`: what began before the request */
    async ask({ kind, path }: Ask, fromMs?: number, fromCpu?: NodeJS.CpuUsage): Promise<Cost> {
      const request = requestOf(path)
      links?.take()
      const cpu = fromCpu ?? process.cpuUsage()
      const from = fromMs ?? performance.now()
      const response = await fetch(request)
      const wallMs = performance.now() - from
      const { user, system } = process.cpuUsage(cpu)
      const shards = links?.take()
      const reply = (await response.json()) as RankedReply
      assert(
        response.status === 200 && reply.degraded.length === 0,
        `${path}: ${JSON.stringify(reply).slice(0, 500)}`,
      )
      stages = response.headers.get('server-timing') ?? ''
      checksum += reply.hits[0]?.score ?? 0
      if (!shards) return { kind, ms: wallMs, hereMs: wallMs, cpuMs: (user + system) / 1_000, rounds: 0 }
      const hereMs = wallMs - shards.waited
      return {
        ...{ kind, ms: hereMs + shards.slowest, hereMs },
        // The process also carries messages, which is nobody's work in the cloud: so the time here is what counts.
        ...{ cpuMs: hereMs + shards.shardsCpu, rounds: shards.rounds },
      }
    },
    /** Begin the checksum anew. */
    forget() {
      checksum = 0
    },
    /** `stages` of the last request. */
    told: () => ({ stages, checksum }),
  }
}

const requestOf = (path: string) =>
  new Request(`https://shop.test${path}`, { headers: { authorization: `Bearer ${KEY}` } })

const CONTEXT = { waitUntil() {}, passThroughOnException() {}, props: {} } as unknown as ExecutionContext

/** The manifest, the signals and, unless shards hold them, the segments: those are at hand where a cold isolate is measured. */
function openBucket({ manifest, signals, folder }: Shop, isCold: boolean) {
  const keys = manifest.placement
    ? []
    : manifest.segments.flatMap(({ items, terms }) => [items.key, terms.key])
  const read = openObjects(folder, isCold ? keys : [])
  const small = new Map([
    [MANIFEST_KEY, encode(manifest)],
    [SIGNALS_KEY, encode(signals)],
  ])
  return createBucket((key) => small.get(key) ?? read(key))
}

const bindingsOf = (DB: Bindings['DB'], BUCKET: ReadBucket, links: Links | null): Bindings =>
  ({
    ...{ DB, BUCKET, PSEUDONYM_SECRET, RATE_LIMIT: { limit: async () => ({ success: true }) } },
    ...(links && {
      ...{ SHARDS: links.namespace, PROFILE_BUDGET_MS: BUDGET_MS, RETRIEVE_BUDGET_MS: BUDGET_MS },
      ...{ RANK_BUDGET_MS: BUDGET_MS, DIVERSIFY_BUDGET_MS: BUDGET_MS },
    }),
  }) as unknown as Bindings

async function openShards(
  { manifest, folder }: Shop,
  bundle: string,
  isCold: boolean,
  isProfiled: boolean,
): Promise<Links> {
  const slices = manifest.placement!.shards.map((_, at) => sliceOf(manifest, at))
  const links = await openLinks(
    slices.map(({ manifest: { segments } }, at) => ({
      ...{ bundle, folder, isProfiled: isProfiled && at === 0 },
      preloaded: isCold ? segments.flatMap(({ items, terms }) => [items.key, terms.key]) : [],
    })),
  )
  if (!isCold)
    for (const [at, slice] of slices.entries()) await links.ask(at, { method: 'prepare', args: [slice] })
  return links
}

/** The time for which the edge waits for shards is of shards that answer at once. */
function waitLonger(): void {
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  AbortSignal.timeout = (ms) => timeout(ms * PATIENCE)
}

async function fillProfiles(
  profiles: ReturnType<typeof createMemoryProfileStore>,
  { shoppers }: Shop,
): Promise<void> {
  const pseudonymOf = createPseudonymOf(createSecret(PSEUDONYM_SECRET))
  const nowMs = Date.now()
  for (const { userId, items } of shoppers) {
    const user = await pseudonymOf(userId)
    const events = items.map(
      (item, at): StoredEvent => ({
        ...{ eventId: `${userId}-${at}`, kind: EVENT_KINDS[at % EVENT_KINDS.length]!, user },
        ...{ timeMs: nowMs - (items.length - at) * HOUR_MS, items: [item], suspectedBot: false },
      }),
    )
    await profiles.update(user, (before) => applyEvents(before, events))
  }
}

/** Node loads its web platform when it is first used; in workerd it is there. */
async function touchPlatform(): Promise<void> {
  const request = new Request('https://shop.test/?a=b', { headers: { a: 'b' } })
  await Response.json({ url: new URL(request.url).searchParams.get('a') }).json()
  await sha256Hex(new TextDecoder().decode(encode(crypto.randomUUID())))
  AbortSignal.timeout(1)
}

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

process.once('message', async (task: Task) => {
  process.send!(await run(task))
  process.disconnect()
})
