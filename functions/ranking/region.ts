/**
 * Where the shards of a shopper's part of the world should be, by the continent of the request. Each region has shards of its own,
 * started by the first request from there. Undefined where the platform does not say: then they start near whoever asks first.
 */
export const regionOf = (continent: unknown): DurableObjectLocationHint | undefined =>
  typeof continent === 'string' ? REGIONS[continent] : undefined

const REGIONS: Readonly<Record<string, DurableObjectLocationHint>> = {
  AF: 'afr',
  AS: 'apac',
  EU: 'weur',
  NA: 'enam',
  OC: 'oc',
  SA: 'sam',
}
