/** @file What scoring needs to know of a whole shop. Adds up over the parts of an index; a part alone would weigh words differently. */
import type { Index } from './load-index.ts'
import { type Correction, wordsNear } from './spelling.ts'

/** Terms that one prefix may open, per segment. */
export const PREFIX_TERMS_MAX = 64

/** Counts are of documents, superseded ones included. */
export type Statistics = {
  docCount: number
  /** Weighted length of the average live document, half words. */
  averageLength: number
  df(term: string): number
  /** Summed over the terms that start so, the first `PREFIX_TERMS_MAX` of each segment. */
  prefixDf(prefix: string): number
  /** Words of the index that a mistyped one may have meant, in no order. */
  near(word: string): readonly Correction[]
}

/** Of an index by itself. */
export const statisticsOf = (index: Index): Statistics => ({
  docCount: index.docCount,
  averageLength: index.averageLength,
  df: (term) =>
    sumOf(index, ({ terms }) => {
      const at = terms.find(term)
      return at < 0 ? 0 : terms.df(at)
    }),
  prefixDf: (prefix) =>
    sumOf(index, ({ terms }) => {
      const [from, to] = terms.range(prefix, PREFIX_TERMS_MAX)
      let sum = 0
      for (let at = from; at < to; at++) sum += terms.df(at)
      return sum
    }),
  near: (word) => wordsNear(index, word),
})

const sumOf = (index: Index, count: (segment: Index['segments'][number]['segment']) => number): number =>
  index.segments.reduce((sum, { segment }) => sum + count(segment), 0)

/** Several parts' answers about the same words. Plain data. */
export type Asked = { df: readonly string[]; prefixDf: readonly string[]; near: readonly string[] }
export type Told = {
  /** In the order asked. */
  df: number[]
  prefixDf: number[]
  near: readonly (readonly Correction[])[]
}

export const isNothing = ({ df, prefixDf, near }: Asked): boolean =>
  df.length + prefixDf.length + near.length === 0

export const tell = ({ df, prefixDf, near }: Statistics, asked: Asked): Told => ({
  df: asked.df.map(df),
  prefixDf: asked.prefixDf.map(prefixDf),
  near: asked.near.map(near),
})

/** What is known of a divided index so far. */
export type KnownStatistics = {
  df: Map<string, number>
  prefixDf: Map<string, number>
  near: Map<string, readonly Correction[]>
}
export const nothingKnown = (): KnownStatistics => ({ df: new Map(), prefixDf: new Map(), near: new Map() })

/** Adds up what the parts told and remembers it. */
export function learn(known: KnownStatistics, asked: Asked, told: readonly Told[]): void {
  const sum = (of: (part: Told) => number) => told.reduce((total, part) => total + of(part), 0)
  for (const [at, term] of asked.df.entries())
    known.df.set(
      term,
      sum(({ df }) => df[at]!),
    )
  for (const [at, prefix] of asked.prefixDf.entries())
    known.prefixDf.set(
      prefix,
      sum(({ prefixDf }) => prefixDf[at]!),
    )
  asked.near.forEach((word, at) => {
    const all = new Map<string, Correction>()
    for (const { near } of told)
      for (const one of near[at]!) {
        const df = (all.get(one.term)?.df ?? 0) + one.df
        all.set(one.term, { ...one, df })
        known.df.set(one.term, df)
      }
    known.near.set(word, [...all.values()])
  })
}

/**
 * Statistics that answer from what is known and note what is not. A term of unknown frequency counts as frequent, so that
 * nothing is asked about how it may have been misspelt before it is known to be rare.
 */
export function knownStatistics(
  shop: Pick<Statistics, 'docCount' | 'averageLength'>,
  known: KnownStatistics,
): { statistics: Statistics; asked(): Asked } {
  const missing = { df: new Set<string>(), prefixDf: new Set<string>(), near: new Set<string>() }
  const look = <T>(kind: keyof typeof missing, from: ReadonlyMap<string, T>, key: string, instead: T): T => {
    const found = from.get(key)
    if (found !== undefined) return found
    missing[kind].add(key)
    return instead
  }
  return {
    statistics: {
      ...shop,
      df: (term) => look('df', known.df, term, Number.POSITIVE_INFINITY),
      prefixDf: (prefix) => look('prefixDf', known.prefixDf, prefix, Number.POSITIVE_INFINITY),
      near: (word) => look('near', known.near, word, []),
    },
    asked: () => ({ df: [...missing.df], prefixDf: [...missing.prefixDf], near: [...missing.near] }),
  }
}
