import type { Manifest } from '../../shared/schema/manifest.ts'
import type { Bindings, Config } from '../env.ts'
import type { CountFault } from './faults.ts'
import { createIvfReader, type ReadRange } from './ivf.ts'
import { createReadRange } from './read-range.ts'
import type { RemoteVectors } from './remote-vectors.ts'
import { createVectorize } from './vectorize.ts'

/** Where the vectors of this index are, null for the memory of the isolate. */
export type RemoteVectorsOf = (manifest: Manifest) => RemoteVectors | null

/** Ranges of the bucket through the cache of the data centre. */
export function createCachedRanges(bucket: Bindings['BUCKET']): ReadRange {
  // The browser's type of `caches`, which comes first, has no default one.
  const { default: cache } = caches as unknown as { default: Cache }
  return createReadRange({ bucket, cache })
}

export function createRemoteVectorsOf(
  source: Config['vectorSource'],
  { BUCKET: bucket, VECTORIZE: binding }: Pick<Bindings, 'BUCKET' | 'VECTORIZE'>,
  log: (message: string) => void,
  countFault: CountFault,
): RemoteVectorsOf {
  if (source === 'vectorize' && binding) {
    const remote = createVectorize({ binding, log })
    return () => remote
  }
  if (source === 'ivf') {
    const read = createIvfReader({ bucket, readRange: createCachedRanges(bucket), log, countFault })
    return ({ ivf }) => (ivf ? read(ivf) : null)
  }
  return () => null
}
