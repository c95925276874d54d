/**
 * @file Profiles in DynamoDB, one item each: `user` (S, key), `version` (N), `profile` (B, see `pack.ts`). A write is
 * conditional on the version that was read, because several consumers may work on one shopper at once.
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
import { applyEvents, type Profile, type ProfileFault, type ProfileStore } from './profile.ts'

/** Lost races before an update gives up; the queue then delivers its message again. */
const UPDATE_TRIES_MAX = 8
const UPDATE_TIMEOUT_MS = 5_000

export type DynamoConfig = {
  table: string
  region: string
  accessKeyId: string
  secretAccessKey: string
  /** Of a local or private DynamoDB; absent for AWS. */
  endpoint?: string | undefined
}

type Sender = Pick<DynamoDBClient, 'send'>

export function createDynamoProfileStore(config: DynamoConfig, client?: Sender): ProfileStore {
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
  async function find(user: string, consistent: boolean, signal: AbortSignal): Promise<Profile | null> {
    const { Item } = await dynamo().send(
      new GetItemCommand({
        TableName: config.table,
        Key: { user: { S: user } },
        ConsistentRead: consistent,
      }),
      { abortSignal: signal },
    )
    return Item ? readRow(Item) : null
  }

  async function replace(user: string, after: Profile, signal: AbortSignal): Promise<void> {
    const isNew = after.version === 0
    await dynamo().send(
      new PutItemCommand({
        TableName: config.table,
        Item: {
          user: { S: user },
          version: { N: String(after.version + 1) },
          profile: { B: packProfile(after) },
        },
        ConditionExpression: isNew ? 'attribute_not_exists(#user)' : '#version = :version',
        ExpressionAttributeNames: isNew ? { '#user': 'user' } : { '#version': 'version' },
        ...(isNew ? {} : { ExpressionAttributeValues: { ':version': { N: String(after.version) } } }),
      }),
      { abortSignal: signal },
    )
  }

  return {
    async read(user, signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS)) {
      try {
        return ok(await endsWith(signal, find(user, false, signal)))
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

/** A row that cannot be read is treated as version n with no events: the next write repairs it. */
function readRow(row: Record<string, AttributeValue>): Profile {
  const version = Number(row['version']?.N ?? 0)
  const profile = unpackProfile(row['profile']?.B ?? new Uint8Array(), version)
  return profile.ok ? profile.value : { version, events: [], purchases: [] }
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
