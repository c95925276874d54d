import type { Blob } from '../../shared/schema/manifest.ts'
import { verifyBlob } from '../../shared/segment/decode.ts'
import type { ReadBucket } from './index-holder.ts'

/** What a manifest names, whole. Throws when it is missing or is not what the manifest says: the reason names it. */
export async function loadBlob(bucket: ReadBucket, blob: Blob): Promise<Uint8Array> {
  const found = await bucket.get(blob.key)
  if (!found?.arrayBuffer) throw new Error(`${blob.key} is missing`)
  if (found.size > blob.bytes) throw new Error(`${blob.key} is larger than the manifest says`)
  const bytes = new Uint8Array(await found.arrayBuffer())
  if (!(await verifyBlob(bytes, blob))) throw new Error(`${blob.key} is not what the manifest says`)
  return bytes
}
