/** @file Records of runs in the bucket: taken by one worker at a time, taken over when that worker falls silent. */
import { RUNS_PREFIX, Run, runKey } from '../../shared/schema/models.ts'
import type { BlobStore } from '../blob-store.ts'

/** Silence after which a run is taken for abandoned. */
export const STALE_MS = 30_000
/** Times that a run may be begun; one that ends its worker each time must not do so for ever. */
export const ATTEMPTS_MAX = 5

export type RunStore = {
  /** The next run to do, marked as ours; null when there is none or another worker is at one. */
  claim(): Promise<Run | null>
  /** Change the record of a run that is ours; with it goes a sign of life. */
  update(runId: string, change: Partial<Run>): Promise<Run>
}

const encode = (run: Run): Uint8Array => new TextEncoder().encode(JSON.stringify(run))

export function createRunStore(blobs: BlobStore, nowMs: () => number): RunStore {
  const iso = () => new Date(nowMs()).toISOString()

  const read = async (key: string): Promise<{ run: Run; etag: string } | null> => {
    const object = await blobs.get(key)
    if (!object) return null
    const run = Run.safeParse(JSON.parse(new TextDecoder().decode(object.bytes)))
    return run.success ? { run: run.data, etag: object.etag } : null
  }
  const readAll = async () => {
    const keys = (await blobs.list(RUNS_PREFIX)).filter((key) => key.endsWith('/run.json'))
    const found = await Promise.all(keys.map(read))
    return found
      .filter((one) => one !== null)
      .sort((a, b) => (a.run.requestedAt < b.run.requestedAt ? -1 : 1))
  }
  const isFresh = ({ state, heartbeatAt }: Run): boolean =>
    state === 'running' && heartbeatAt !== undefined && nowMs() - Date.parse(heartbeatAt) < STALE_MS

  /** One after the other: a sign of life that was slow must not write over how the run ended. */
  let lastWrite: Promise<unknown> = Promise.resolve()
  const change = async (runId: string, part: Partial<Run>): Promise<Run> => {
    const current = await read(runKey(runId))
    if (!current) throw new Error(`The record of run ${runId} is gone`)
    const run: Run = { ...current.run, ...part, heartbeatAt: iso() }
    await blobs.put(runKey(runId), encode(run))
    return run
  }

  return {
    async claim() {
      const all = await readAll()
      if (all.some(({ run }) => isFresh(run))) return null
      for (const { run, etag } of all) {
        if (run.state !== 'queued' && run.state !== 'running') continue
        const attempts = run.attempts + 1
        const taken: Run =
          attempts > ATTEMPTS_MAX
            ? {
                ...run,
                state: 'failed',
                endedAt: iso(),
                error: `Given up after ${ATTEMPTS_MAX} attempts: each ended with the worker.`,
              }
            : {
                ...run,
                state: 'running',
                attempts,
                startedAt: run.startedAt ?? iso(),
                heartbeatAt: iso(),
              }
        const put = await blobs.put(runKey(run.id), encode(taken), { ifMatch: etag })
        // Who comes too late for a run leaves the next one alone too: runs are done one at a time.
        if (!put.ok) return null
        if (taken.state === 'running') return taken
      }
      return null
    },
    update(runId, part) {
      const write = lastWrite.then(() => change(runId, part))
      lastWrite = write.catch(() => {})
      return write
    },
  }
}
