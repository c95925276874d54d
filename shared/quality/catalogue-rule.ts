/**
 * @file A rule that must have seen the catalogue before it can judge one item: what is usual in a category, which
 * values are known. Two passes: `see` every item, then `judge` each by what was learnt. What is learnt is bounded and
 * plain JSON, so that a file of any size fits, and so that the worker can learn and the edge can judge a single write.
 */
import type { Finding, Item } from '../schema/item.ts'

export type CatalogueRule<Learnt = unknown> = {
  /** Kebab-case, unique; the findings of a rule may have several names of `RULES`. */
  name: string
  start(): Learner<Learnt>
  /** Pure; an item that was not seen is judged like any other. */
  judge(learnt: Learnt, item: Item): Finding[]
}

export type Learner<Learnt> = {
  see(item: Item): void
  /** Called once, after the last item; the same for the same items in the same order. */
  learn(): Learnt
}
