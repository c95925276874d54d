/** @file Descriptions that are the same few sentences everywhere: they tell items apart neither for shoppers nor for a model. */
import type { Item } from '../../schema/item.ts'
import type { CatalogueRule } from '../catalogue-rule.ts'
import { findingOf, type RuleText } from '../rules.ts'
import { createFrequent, hashText } from './frequent.ts'

const BOILERPLATE: RuleText = {
  name: 'boilerplate-description',
  severity: 'warn',
  message: 'At least half of the description stands on many other items as well.',
}
const ITEMS_MIN = 20
/** A sentence is boilerplate when at least this share of all described items has it. */
const SHARE_MIN = 0.002
const SHARE_OF_DESCRIPTION_MIN = 0.5
const SENTENCE_CHARS_MIN = 25
const CHARS_READ_MAX = 5_000
const SENTENCES_MAX = 300_000
const KEPT_MAX = 2_000
/** Whether a sentence may go is the shop's to say. */
const CONFIDENCE = 0.6

/** Hash of a sentence → descriptions that have it. */
type Learnt = Record<string, number>

export const boilerplateRule: CatalogueRule<Learnt> = {
  name: 'boilerplate-description',
  start() {
    const sentences = createFrequent<number>(SENTENCES_MAX)
    let described = 0
    return {
      see(item) {
        if (!isJudged(item)) return
        described++
        for (const hash of new Set(sentencesOf(item.description).map(hashText))) sentences.add(hash)
      },
      learn: () => Object.fromEntries(sentences.most(Math.max(ITEMS_MIN, SHARE_MIN * described), KEPT_MAX)),
    }
  },
  judge(learnt, item) {
    if (!isJudged(item)) return []
    const { description } = item
    const common = sentencesOf(description).filter((one) => Object.hasOwn(learnt, hashText(one)))
    const chars = common.reduce((sum, one) => sum + one.length, 0)
    if (chars === 0 || chars < SHARE_OF_DESCRIPTION_MIN * description.length) return []
    const value = common.reduce((text, one) => text.replace(one, ''), description)
    return [
      findingOf(BOILERPLATE, 'description', `on ${learnt[hashText(common[0]!)]} items: ${common[0]}`, {
        value: value.replace(/\s+/g, ' ').trim(),
        confidence: CONFIDENCE,
      }),
    ]
  },
}

/** Variants of one product may share its description. */
const isJudged = ({ description, variantOf }: Item): boolean => description !== '' && variantOf === undefined

const sentencesOf = (description: string): string[] =>
  description
    .slice(0, CHARS_READ_MAX)
    .split(/(?<=[.!?。！？])\s*/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length >= SENTENCE_CHARS_MIN)
