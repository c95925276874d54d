/** @file Graphs kept open by the shape of their batches: each has the memory of its activations, so only so many. */

const OPEN_MAX = 8

export type SessionCache<T> = {
  get(shape: string, make: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** The one not used for longest is closed first. */
export function createSessionCache<T extends { session: { close(): Promise<void> } }>(): SessionCache<T> {
  const open = new Map<string, T>()
  return {
    async get(shape, make) {
      const known = open.get(shape)
      if (known) {
        open.delete(shape)
        open.set(shape, known) // last in the order of eviction
        return known
      }
      const made = await make()
      open.set(shape, made)
      if (open.size > OPEN_MAX) {
        const [oldest, { session }] = open.entries().next().value!
        open.delete(oldest)
        await session.close()
      }
      return made
    },
    async close() {
      for (const { session } of open.values()) await session.close()
      open.clear()
    },
  }
}
