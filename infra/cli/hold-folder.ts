/** @file A folder that one process works in at a time: a second run would write over the first one's state. */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from './failure.ts'

/** Holds the number of the process. */
export const HOLD_FILE = 'running.pid'

/**
 * A hold whose process is gone, by `kill -9` say, is taken over.
 *
 * @returns how to let go
 * @throws Failure while another process holds the folder
 */
export async function holdFolder(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, HOLD_FILE)
  if (!(await take(path))) {
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (isAlive(holder))
      throw new Failure(
        `Process ${holder} is at work in "${directory}": wait for it, or use another folder. If it is no training, delete ${path}.`,
      )
    await rm(path, { force: true })
    if (!(await take(path))) throw new Failure(`Another process has just begun to work in "${directory}".`)
  }
  return () => rm(path, { force: true })
}

async function take(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'wx')
    await file.writeFile(String(process.pid))
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
}

/** A number of our own is that of an earlier process: in a container they begin anew. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM' // there, and somebody else's
  }
}
