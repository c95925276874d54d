/** @file Files that are replaced whole or not at all, whatever happens to the disk or the process meanwhile. */
import { open, rename, rm } from 'node:fs/promises'

/** Of a call of the system, e.g. ENOSPC. */
const DISK_FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']
export const isDiskFull = (error: unknown): boolean =>
  DISK_FULL.includes((error as NodeJS.ErrnoException | null)?.code ?? '')

/** Bytes, whole or in the parts that they come in. */
type Content = Uint8Array | Iterable<Uint8Array>

/** Writes beside the files, waits for the disk, then takes their places. A failure leaves all of them as they were. */
export async function replaceFiles(files: readonly { path: string; bytes: Content }[]): Promise<void> {
  const draftOf = (path: string) => `${path}.draft`
  try {
    for (const { path, bytes } of files) {
      const draft = await open(draftOf(path), 'w')
      try {
        await draft.writeFile(bytes)
        await draft.sync()
      } finally {
        await draft.close()
      }
    }
    for (const { path } of files) await rename(draftOf(path), path)
  } catch (error) {
    for (const { path } of files) await rm(draftOf(path), { force: true })
    throw error
  }
}

export const replaceFile = (path: string, bytes: Content): Promise<void> => replaceFiles([{ path, bytes }])
