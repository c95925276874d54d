import type { Manifest } from '../../shared/schema/manifest.ts'
import type { Bindings, Config } from '../env.ts'
import type { RemoteVectors } from './remote-vectors.ts'
import { createVectorize } from './vectorize.ts'

/** Where the vectors of this index are, null for the memory of the isolate. */
export type RemoteVectorsOf = (manifest: Manifest) => RemoteVectors | null

export function createRemoteVectorsOf(
  source: Config['vectorSource'],
  { VECTORIZE: binding }: Pick<Bindings, 'VECTORIZE'>,
  log: (message: string) => void,
): RemoteVectorsOf {
  if (source === 'vectorize' && binding) {
    const remote = createVectorize({ binding, log })
    return () => remote
  }
  return () => null
}
