/**
 * @file Profiles in DynamoDB, one item each: `user` (S, key), `version` (N), `profile` (B, see `pack.ts`), `expires` (N, unix
 * seconds: the table's TTL attribute). A write is conditional on the version that was read, because several consumers may work on one
 * shopper at once. DynamoDB deletes what has expired within days; until then a reader does not see it.
 */
import { err, ok, type Result } from '../../shared/lib/result.ts'
import {
  createDynamoClient,
  type DynamoClient,
  type DynamoConfig,
  DynamoError,
  type WireItem,
} from './dynamo-client.ts'
import { packProfile, unpackProfile } from './pack.ts'
import {
  EMPTY_PROFILE,
  expiryMs,
  freshProfile,
  type Profile,
  type ProfileFault,
  type ProfileStore,
} from './profile.ts'

/** Lost races before an update gives up; the queue then delivers its message again. */
const UPDATE_TRIES_MAX = 8
const UPDATE_TIMEOUT_MS = 5_000

type Deps = {
  /** Unix milliseconds. */
  clock: () => number
  /** For so long is a fact remembered. */
  keepMs: number
}
/** What a row says; the profile is fresh, and null where none is left. */
type Row = { version: number; profile: Result<Profile | null, ProfileFault> }
const NO_ROW: Row = { version: 0, profile: ok(null) }

export function createDynamoProfileStore(
  config: DynamoConfig,
  { clock, keepMs }: Deps,
  dynamo: DynamoClient = createDynamoClient(config),
): ProfileStore {
  /** @param consistent a write must build on the newest version; a reader may be a moment behind at half the price */
  async function find(user: string, consistent: boolean, signal: AbortSignal): Promise<Row> {
    const item = await dynamo.getItem({ Key: { user: { S: user } }, ConsistentRead: consistent }, signal)
    return item ? readRow(item) : NO_ROW
  }

  function readRow(item: WireItem): Row {
    const version = Number(item['version']?.N ?? 0)
    const read = unpackProfile(fromBase64(item['profile']?.B ?? ''), version)
    if (read.ok) return { version, profile: ok(freshProfile(read.value, clock(), keepMs)) }
    const { error } = read
    return error.kind === 'version'
      ? { version, profile: err({ kind: 'version', reason: `format ${error.got} is of a newer Aisle` }) }
      : { version, profile: err({ kind: 'corrupt', reason: 'the bytes are no profile' }) }
  }

  function replace(user: string, version: number, after: Profile, signal: AbortSignal): Promise<void> {
    const isNew = version === 0
    const expires = expiryMs(after, keepMs)
    return dynamo.putItem(
      {
        Item: {
          user: { S: user },
          version: { N: String(version + 1) },
          profile: { B: toBase64(packProfile(after)) },
          ...(expires === null ? {} : { expires: { N: String(Math.ceil(expires / 1_000)) } }),
        },
        ConditionExpression: isNew ? 'attribute_not_exists(#user)' : '#version = :version',
        ExpressionAttributeNames: isNew ? { '#user': 'user' } : { '#version': 'version' },
        ...(isNew ? {} : { ExpressionAttributeValues: { ':version': { N: String(version) } } }),
      },
      signal,
    )
  }

  return {
    async read(user, signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS)) {
      try {
        return (await find(user, false, signal)).profile
      } catch (error) {
        return err(faultOf(error, signal))
      }
    },
    async update(user, change) {
      const signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS)
      try {
        for (let attempt = 0; attempt < UPDATE_TRIES_MAX; attempt++) {
          const { version, profile } = await find(user, true, signal)
          if (!profile.ok && profile.error.kind === 'version') return profile
          const before = (profile.ok && profile.value) || { ...EMPTY_PROFILE, version }
          const after = change(before)
          if (after === before) return ok(before)
          try {
            await replace(user, version, after, signal)
            return ok({ ...after, version: version + 1 })
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

// A profile has few KB, so that its bytes can be the arguments of one call.
const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

const faultOf = (error: unknown, signal: AbortSignal): ProfileFault => ({
  kind: signal.aborted ? 'timeout' : 'unavailable',
  reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
})
