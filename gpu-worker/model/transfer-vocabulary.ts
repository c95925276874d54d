/** @file Another vocabulary for a trained model: what it knows of words goes along, so that it need not start again. */
import { assert } from '../../shared/lib/result.ts'
import type { Checkpoint } from './checkpoint.ts'
import { BertConfig, EMBEDDINGS } from './config.ts'

/**
 * A piece that both vocabularies have keeps its row of the word table; a new one starts as the mean of the rows of the old
 * pieces that spell it ("faucet" as "fau" and "##cet"), or of the whole table when they cannot. Heads over words are dropped.
 * Source: Gee et al., Fast Vocabulary Transfer for Language Model Compression, EMNLP 2022.
 */
export function transferVocabulary(base: Checkpoint, vocabulary: readonly string[]): Checkpoint {
  const table = base.tensors.get(EMBEDDINGS.words)
  assert(table, 'the model has a word table')
  const width = base.config.hidden_size
  const ids = new Map(base.vocabulary.map((piece, id) => [piece, id]))
  const everything = Array.from(base.vocabulary.keys())
  const rows = new Float32Array(vocabulary.length * width)
  vocabulary.forEach((piece, at) => {
    const spelling = spell(piece, ids) ?? everything
    for (let i = 0; i < width; i++) {
      let sum = 0
      for (const id of spelling) sum += table.data[id * width + i]!
      rows[at * width + i] = sum / spelling.length
    }
  })
  return {
    ...base,
    config: BertConfig.parse({ ...base.config, vocab_size: vocabulary.length }),
    vocabulary: [...vocabulary],
    tensors: new Map(base.tensors).set(EMBEDDINGS.words, { shape: [vocabulary.length, width], data: rows }),
    heads: new Map([...base.heads].filter(([name]) => !name.startsWith('cls.predictions.'))),
  }
}

/** Longest old piece first, as WordPiece does; a piece inside a word goes on with pieces inside words. */
function spell(piece: string, ids: ReadonlyMap<string, number>): number[] | null {
  const known = ids.get(piece)
  if (known !== undefined) return [known]
  const isInside = piece.startsWith('##')
  const characters = [...(isInside ? piece.slice(2) : piece)]
  const found: number[] = []
  for (let from = 0; from < characters.length; ) {
    let to = characters.length
    let id: number | undefined
    for (; to > from; to--) {
      id = ids.get((isInside || from > 0 ? '##' : '') + characters.slice(from, to).join(''))
      if (id !== undefined) break
    }
    if (id === undefined) return null
    found.push(id)
    from = to
  }
  return found
}
