/** @file DynamoDB's HTTP protocol on this machine: dynalite, on disk, with the one table that Aisle uses. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CreateTableCommand, DynamoDBClient, ResourceInUseException } from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'

export const PROFILE_TABLE = 'aisle-profiles'
/** dynalite accepts any credentials; the SDK insists on some. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' }
export const LOCAL_REGION = 'us-east-1'

export type LocalDynamo = { url: string; close(): Promise<void> }

/** @param folder LevelDB folder; without it everything is in memory */
export async function startDynamo(folder?: string): Promise<LocalDynamo> {
  const server: Server = dynalite({ ...(folder === undefined ? {} : { path: folder }), createTableMs: 0 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  server.keepAliveTimeout = 60_000
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await createTable(url)
  return {
    url,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function createTable(endpoint: string): Promise<void> {
  const client = new DynamoDBClient({ endpoint, region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS })
  try {
    await client.send(
      new CreateTableCommand({
        TableName: PROFILE_TABLE,
        KeySchema: [{ AttributeName: 'user', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'user', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  } finally {
    client.destroy()
  }
}
