/** @file SHA-256 of bytes that come in pieces. Web Crypto has none that workerd and Node share: tests bring Node's. */
import { toHex } from '../../shared/lib/sha256.ts'

export type Digest = {
  /** Done with the bytes when it resolves. */
  update(bytes: Uint8Array): Promise<void> | void
  /** Lower case. Called once, at the end. */
  hex(): Promise<string>
}
export type CreateDigest = () => Digest

/** The browser's `crypto`, as the types here have it, lacks it. */
const { DigestStream: Stream } = crypto as unknown as { DigestStream: typeof DigestStream }

/** workerd's. */
export const createStreamDigest: CreateDigest = () => {
  const stream = new Stream('SHA-256')
  const writer = stream.getWriter()
  return {
    update: (bytes) => writer.write(bytes),
    async hex() {
      await writer.close()
      return toHex(new Uint8Array(await stream.digest))
    },
  }
}
