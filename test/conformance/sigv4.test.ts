/** @file The signatures that DynamoDB gets from us against those of AWS's own SDK; dynalite would take any. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { AwsV4Signer } from 'aws4fetch'
import { expect, it } from 'vitest'

const CREDENTIALS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
const REGION = 'eu-central-1'

it('aws4fetch signs a call of DynamoDB as the AWS SDK does', async () => {
  const { headers, body } = await sentBySdk()
  const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization!)![1]!.split(';')
  const signer = new AwsV4Signer({
    ...CREDENTIALS,
    region: REGION,
    service: 'dynamodb',
    method: 'POST',
    url: `http://${headers.host}/`,
    headers: signed.filter((name) => name !== 'host').map((name) => [name, String(headers[name])]),
    body,
    datetime: String(headers['x-amz-date']),
    allHeaders: true,
  })
  expect((await signer.sign()).headers.get('authorization')).toBe(headers.authorization)
})

async function sentBySdk(): Promise<{ headers: IncomingMessage['headers']; body: string }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sent = new Promise<{ headers: IncomingMessage['headers']; body: string }>((resolve) => {
    server.once('request', async (request, response) => {
      const body = await text(request)
      response.end('{}')
      resolve({ headers: request.headers, body })
    })
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new DynamoDBClient({ endpoint, region: REGION, credentials: CREDENTIALS, maxAttempts: 1 })
  try {
    await client.send(new GetItemCommand({ TableName: 'profiles', Key: { user: { S: 'a"é' } } }))
    return await sent
  } finally {
    client.destroy()
    server.close()
  }
}
