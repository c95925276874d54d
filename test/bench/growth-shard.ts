/**
 * @file A shard in a process of its own, as it has an isolate of its own in the cloud: answers what `growth-links.ts` asks, and
 * tells what each answer cost.
 */
import { deserialize, serialize } from 'node:v8'
import type { Shard } from '../../functions/ranking/shard.ts'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { createBucket, type Held, heldBytes, heldSince, importBundle, openObjects } from './growth-isolate.ts'
import { type ProfileLine, startProfile } from './own-profile.ts'

/** @see openObjects for what is `preloaded` */
export type OpenShard = { bundle: string; folder: string; preloaded: string[]; isProfiled: boolean }
export type ToShard =
  | { open: OpenShard }
  /** `Question`, as an RPC carries it. */
  | { question: Uint8Array }
  | { end: true }
export type Question = { method: keyof Shard; args: unknown[] }
export type Answer = { bytes: Uint8Array; ms: number; cpuMs: number }
export type ShardEnd = {
  /** Bytes held now, beyond what was held before the first question. */
  held: Held
  fetchedBytes: number
  profile: ProfileLine[] | null
}

async function open({ bundle, folder, preloaded, isProfiled }: OpenShard) {
  const { SearchShard } = await importBundle(bundle)
  // Bytes that are at hand are let go when they are handed on: they are no part of what is held at the end.
  const before = await heldBytes()
  const { bucket, fetchedBytes } = createBucket(openObjects(folder, preloaded))
  const shard = new SearchShard({}, { BUCKET: bucket })
  await sha256Hex('so that Node has loaded what it hashes with')
  const endProfile = isProfiled ? await startProfile() : null
  return {
    async answer(question: Uint8Array): Promise<Answer> {
      const cpu = process.cpuUsage()
      const from = performance.now()
      const { method, args } = deserialize(question) as Question
      const call = shard[method] as (...args: unknown[]) => Promise<unknown>
      const bytes = serialize(await call.apply(shard, args))
      const ms = performance.now() - from
      const { user, system } = process.cpuUsage(cpu)
      return { bytes, ms, cpuMs: (user + system) / 1_000 }
    },
    async end(): Promise<ShardEnd> {
      const profile = (await endProfile?.()) ?? null
      return { held: await heldSince(before), fetchedBytes: fetchedBytes(), profile }
    },
  }
}

let shard: Awaited<ReturnType<typeof open>> | undefined
process.on('message', async (message: ToShard) => {
  if ('open' in message) {
    shard = await open(message.open)
    process.send!(null)
  } else if ('question' in message) process.send!(await shard!.answer(message.question))
  else process.send!(await shard!.end())
})
