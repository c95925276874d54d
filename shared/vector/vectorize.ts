/**
 * @file How item vectors are kept in Cloudflare Vectorize: who writes them and who asks for them agree here.
 *
 * A vector's id is the item version, so that an answer says which version it is of; the namespace is the model, so that vectors of
 * two models never meet. The index uses the cosine.
 * Limits: developers.cloudflare.com/vectorize/platform/limits, read in November 2026.
 */
export const VECTORIZE_LIMITS = {
  /** Results of a query that asks for neither values nor metadata. */
  topK: 100,
  idBytes: 64,
  dim: 1_536,
  namespaceBytes: 64,
  /** Vectors of one upsert through the REST API, and bytes of its body. */
  upsertVectors: 5_000,
  upsertBytes: 100 * 1024 * 1024,
} as const

export const vectorizeId = (number: number, version: number): string => `${number}.${version}`

/** Null for an id that is not one of ours: the index may be shared. */
export function readVectorizeId(id: string): { number: number; version: number } | null {
  const [, number, version] = /^(\d{1,10})\.(\d{1,10})$/.exec(id) ?? []
  return number === undefined ? null : { number: Number(number), version: Number(version) }
}
