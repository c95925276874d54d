/**
 * @file What a source of candidates is. To add one: a file beside this one, a line in `sources.ts`, its name in the scenarios that want it, and
 * a column in `RANK_FEATURES` when it says something that no other says.
 */
import type { Accept, Among, ItemSource } from '../../../shared/retrieval/item-source.ts'
import type { RankFeature } from '../../../shared/schema/rank-features.ts'
import type { Affinities } from '../../profile/affinities.ts'
import type { LoadedSignals } from '../../ranking/signals.ts'
import type { Interest, Seed } from '../interests.ts'
import type { Due } from './again.ts'

/** What is known of the request when candidates are looked for. */
export type SourceContext = {
  items: ItemSource
  signals: LoadedSignals
  /** What the shopper buys again and again, and it is time; the most due first. */
  due: readonly Due[]
  /** Strongest first; loaded with their vectors. */
  seeds: readonly Seed[]
  /** Strongest first. */
  interests: readonly Interest[]
  affinities: Affinities
  among: Among
  /** The same of one document. */
  accept: Accept
  nowMs: number
}
/** `score` in (0, 1], 1 for the best that this source could say; `because`: the seed that a reason may name. */
export type Found = { doc: number; score: number; because?: Seed }

export type CandidateSource = {
  /** The column that its score fills; null for one that nominates only. */
  feature: RankFeature | null
  /** Items whose facts it needs before it is asked, by number. */
  numbers?(context: Omit<SourceContext, 'interests' | 'accept' | 'among' | 'affinities'>): number[]
  /** In any order, a document once; only such as are accepted. */
  find(context: SourceContext): readonly Found[] | Promise<readonly Found[]>
}
