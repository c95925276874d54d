import { describe, expect, it } from 'vitest'
import { SPECIAL_TOKENS } from '../../shared/text/train-wordpiece.ts'
import { EMBEDDINGS } from './config.ts'
import { createSeededCheckpoint } from './seeded.ts'
import { transferVocabulary } from './transfer-vocabulary.ts'

const OLD = [...SPECIAL_TOKENS, 'lamp', 'fau', '##cet', 'c', '##s']
const base = createSeededCheckpoint({ vocabulary: OLD, seed: 1, layers: 1, hidden: 8, heads: 1 })
const rowOf = (model: typeof base, piece: string) => {
  const at = model.vocabulary.indexOf(piece)
  return [...model.tensors.get(EMBEDDINGS.words)!.data.subarray(at * 8, (at + 1) * 8)]
}
const meanOf = (pieces: readonly string[]) =>
  rowOf(base, pieces[0]!).map((_, i) =>
    Math.fround(pieces.reduce((sum, piece) => sum + rowOf(base, piece)[i]!, 0) / pieces.length),
  )

describe('another vocabulary', () => {
  const model = transferVocabulary(base, [...SPECIAL_TOKENS, 'faucet', 'lamp', '##s', '##cets', 'zz'])

  it('keeps the row of a piece that both have', () => {
    for (const piece of [...SPECIAL_TOKENS, 'lamp', '##s'])
      expect(rowOf(model, piece)).toEqual(rowOf(base, piece))
  })
  it('starts a new piece as the mean of the old pieces that spell it', () => {
    expect(rowOf(model, 'faucet')).toEqual(meanOf(['fau', '##cet']))
    expect(rowOf(model, '##cets')).toEqual(meanOf(['##cet', '##s']))
  })
  it('starts what the old pieces cannot spell as the mean of all', () => {
    expect(rowOf(model, 'zz')).toEqual(meanOf(OLD))
  })
  it('leaves every other weight as it was', () => {
    expect(model.config.vocab_size).toBe(10)
    for (const [name, tensor] of base.tensors)
      if (name !== EMBEDDINGS.words) expect(model.tensors.get(name)).toBe(tensor)
  })
})
