import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { afterAll } from 'vitest'
import { createMemoryBlobStore } from '../../gpu-worker/memory-blob-store.ts'
import { createS3BlobStore } from '../../gpu-worker/s3-blob-store.ts'
import { blobStoreContract } from './blob-store.ts'

const CREDENTIALS = { accessKeyId: 'contract', secretAccessKey: 'contract-secret' }
let miniflare: Miniflare | undefined
afterAll(() => miniflare?.dispose())

/** R2's simulator with its S3 interface, which checks signatures as the real one does. */
async function openR2() {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      port: 0,
      log: new Log(LogLevel.NONE),
      cf: false,
      telemetry: { enabled: false },
      workers: [
        {
          name: 'bucket',
          compatibilityDate: '2026-10-01',
          modules: [{ type: 'ESModule', path: 'index.js', contents: 'export default {}' }],
          r2Buckets: { BUCKET: { id: 'aisle', s3Credentials: CREDENTIALS } },
        },
      ],
    }),
  )
  const url = await miniflare.ready
  return createS3BlobStore({
    endpoint: new URL('/cdn-cgi/local/r2/s3', url).href,
    bucket: 'aisle',
    ...CREDENTIALS,
  })
}

blobStoreContract('in memory', async () => createMemoryBlobStore())
blobStoreContract('R2 over S3', openR2)
