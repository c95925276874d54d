import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'
import { afterAll } from 'vitest'
import { createDynamoProfileStore } from '../../functions/profile/dynamo-store.ts'
import { createMemoryProfileStore } from '../../functions/profile/memory-store.ts'
import { type OpenStore, profileStoreContract } from './profile-store.ts'

let server: Server | undefined
afterAll(() => {
  server?.close()
})

/** DynamoDB's HTTP protocol on a port of its own, in memory. */
const openDynalite: OpenStore = async (deps) => {
  server = dynalite({ createTableMs: 0 }) as Server
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  const config = {
    table: 'aisle-profiles',
    region: 'local',
    accessKeyId: 'local',
    secretAccessKey: 'local',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  }
  const { accessKeyId, secretAccessKey } = config
  const client = new DynamoDBClient({ ...config, credentials: { accessKeyId, secretAccessKey } })
  await client.send(
    new CreateTableCommand({
      TableName: config.table,
      KeySchema: [{ AttributeName: 'user', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'user', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  )
  client.destroy()
  return createDynamoProfileStore(config, deps)
}

profileStoreContract('in memory', async (deps) => createMemoryProfileStore(deps))
profileStoreContract('DynamoDB', openDynalite)
