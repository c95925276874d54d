/**
 * @file Profiles in DynamoDB, one item each: `user` (S, key), `version` (N), `profile` (B, see `pack.ts`). A write is
 * conditional on the version that was read, because several consumers may work on one shopper at once.
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import { createDynamoClient, type DynamoConfig, DynamoError, type WireItem } from './dynamo-client.ts'
import { packProfile, unpackProfile } from './pack.ts'
import { applyEvents, type Profile, type ProfileFault, type ProfileStore } from './profile.ts'

/** Lost races before an update gives up; the queue then delivers its message again. */
const UPDATE_TRIES_MAX = 8
const UPDATE_TIMEOUT_MS = 5_000

export function createDynamoProfileStore(config: DynamoConfig): ProfileStore {
  const dynamo = createDynamoClient(config)

  /** @param consistent a write must build on the newest version; a reader may be a moment behind at half the price */
  async function find(user: string, consistent: boolean, signal: AbortSignal): Promise<Profile | null> {
    const item = await dynamo.getItem({ Key: { user: { S: user } }, ConsistentRead: consistent }, signal)
    return item && readItem(item)
  }

  function replace(user: string, after: Profile, signal: AbortSignal): Promise<void> {
    const isNew = after.version === 0
    return dynamo.putItem(
      {
        Item: {
          user: { S: user },
          version: { N: String(after.version + 1) },
          profile: { B: toBase64(packProfile(after)) },
        },
        ConditionExpression: isNew ? 'attribute_not_exists(#user)' : '#version = :version',
        ExpressionAttributeNames: isNew ? { '#user': 'user' } : { '#version': 'version' },
        ...(isNew ? {} : { ExpressionAttributeValues: { ':version': { N: String(after.version) } } }),
      },
      signal,
    )
  }

  return {
    async read(user, signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS)) {
      try {
        return ok(await find(user, false, signal))
      } catch (error) {
        return err(faultOf(error, signal))
      }
    },
    async update(user, events): Promise<Result<void, ProfileFault>> {
      const signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS)
      try {
        for (let attempt = 0; attempt < UPDATE_TRIES_MAX; attempt++) {
          const before = await find(user, true, signal)
          const after = applyEvents(before, events)
          if (after.events.length === 0 || after === before) return ok(undefined)
          try {
            await replace(user, after, signal)
            return ok(undefined)
          } catch (error) {
            if (!isLostRace(error)) throw error
          }
        }
        return err({ kind: 'unavailable', reason: `lost ${UPDATE_TRIES_MAX} races for one profile` })
      } catch (error) {
        return err(faultOf(error, signal))
      }
    },
  }
}

const isLostRace = (error: unknown): boolean =>
  error instanceof DynamoError && error.name === 'ConditionalCheckFailedException'

/** An item that cannot be read is treated as version n with no events: the next write repairs it. */
function readItem(item: WireItem): Profile {
  const version = Number(item['version']?.N ?? 0)
  const profile = unpackProfile(fromBase64(item['profile']?.B ?? ''), version)
  return profile.ok ? profile.value : { version, events: [], purchases: [] }
}

// A profile has few KB, so that its bytes can be the arguments of one call.
const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

const faultOf = (error: unknown, signal: AbortSignal): ProfileFault => ({
  kind: signal.aborted ? 'timeout' : 'unavailable',
  reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
})
