/**
 * @file Profiles in DynamoDB, one item each: `user` (S, key), `version` (N), `profile` (B, see `pack.ts`), `expires` (N, unix
 * seconds: the table's TTL attribute). A write is conditional on the version that was read, because several consumers may work on one
 * shopper at once. DynamoDB deletes what has expired within days; until then a reader does not see it.
 */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { err, ok, type Result } from '../../shared/lib/result.ts'
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
export type DynamoConfig = {
  table: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** Of a local or private DynamoDB; absent for AWS. */
  endpoint?: string | undefined
}

export type Sender = Pick<DynamoDBClient, 'send'>
/** What a row says; the profile is fresh, and null where none is left. */
type Row = { version: number; profile: Result<Profile | null, ProfileFault> }
const NO_ROW: Row = { version: 0, profile: ok(null) }

export function createDynamoProfileStore(
  config: DynamoConfig,
  { clock, keepMs }: Deps,
  client?: Sender,
): ProfileStore {
  // Built on first use: a search never pays for the SDK's set-up.
  let shared = client
  const dynamo = (): Sender => {
    shared ??= new DynamoDBClient({
      region: config.region,
      credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey },
      maxAttempts: 1, // the budget has no room for a retry on the hot path; the queue retries the rest
      ...(config.endpoint ? { endpoint: config.endpoint } : {}),
    })
    return shared
  }

  /** @param consistent a write must build on the newest version; a reader may be a moment behind at half the price */
  async function find(user: string, consistent: boolean, signal: AbortSignal): Promise<Row> {
    const { Item } = await dynamo().send(
      new GetItemCommand({
        TableName: config.table,
        Key: { user: { S: user } },
        ConsistentRead: consistent,
      }),
      { abortSignal: signal },
    )
    return Item ? readRow(Item) : NO_ROW
  }

  function readRow(item: Record<string, AttributeValue>): Row {
    const version = Number(item['version']?.N ?? 0)
    const read = unpackProfile(item['profile']?.B ?? new Uint8Array(), version)
    if (read.ok) return { version, profile: ok(freshProfile(read.value, clock(), keepMs)) }
    const { error } = read
    return error.kind === 'version'
      ? { version, profile: err({ kind: 'version', reason: `format ${error.got} is of a newer Aisle` }) }
      : { version, profile: err({ kind: 'corrupt', reason: 'the bytes are no profile' }) }
  }

  async function replace(user: string, version: number, after: Profile, signal: AbortSignal): Promise<void> {
    const isNew = version === 0
    const expires = expiryMs(after, keepMs)
    await dynamo().send(
      new PutItemCommand({
        TableName: config.table,
        Item: {
          user: { S: user },
          version: { N: String(version + 1) },
          profile: { B: packProfile(after) },
          ...(expires === null ? {} : { expires: { N: String(Math.ceil(expires / 1_000)) } }),
        },
        ConditionExpression: isNew ? 'attribute_not_exists(#user)' : '#version = :version',
        ExpressionAttributeNames: isNew ? { '#user': 'user' } : { '#version': 'version' },
        ...(isNew ? {} : { ExpressionAttributeValues: { ':version': { N: String(version) } } }),
      }),
      { abortSignal: signal },
    )
  }

  return {
    async read(user, signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS)) {
      try {
        return (await endsWith(signal, find(user, false, signal))).profile
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
            if (!(error instanceof ConditionalCheckFailedException)) throw error
          }
        }
        return err({ kind: 'unavailable', reason: `lost ${UPDATE_TRIES_MAX} races for one profile` })
      } catch (error) {
        return err(faultOf(error, signal))
      }
    },
  }
}

const faultOf = (error: unknown, signal: AbortSignal): ProfileFault => ({
  kind: signal.aborted ? 'timeout' : 'unavailable',
  reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
})

/** Stop waiting when the signal fires, even if the client below takes its time to notice. */
async function endsWith<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => {}) // when the signal wins, nobody else looks at how the work ended
  signal.throwIfAborted()
  let stop = () => {}
  const ended = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, ended])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
