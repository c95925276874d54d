/**
 * @file A smaller encoder cut out of a larger one, without training: fewer tokens, fewer layers. What stays is the same numbers,
 * so that a model in which nothing was cut gives the same vectors bit for bit.
 */
import { assert } from '../../shared/lib/result.ts'
import { SPECIAL_TOKENS } from '../../shared/text/train-wordpiece.ts'
import { basicTokens, createWordPiece } from '../../shared/text/wordpiece.ts'
import type { Checkpoint, CheckpointTensor } from './checkpoint.ts'
import { EMBEDDINGS } from './config.ts'

/** Tensors with a row per token. */
const TOKEN_TENSORS = [EMBEDDINGS.words, 'cls.predictions.bias'] as const

/**
 * Keep the special tokens, the single characters and the pieces most used on `texts`; of equally used ones those with the lower
 * id, which trainers give to the more frequent piece. Ids change, their order does not. A text whose pieces are all kept has
 * the same vector. Any other is spelt with more pieces, and is not [UNK] unless it was: given that the characters of each piece
 * are tokens themselves, as they are in BERT's vocabularies and ours.
 *
 * @param keep tokens in all; where special tokens and characters are more than that, these stay alone
 */
export function pruneVocabulary(
  checkpoint: Checkpoint,
  texts: Iterable<string>,
  { keep }: { keep: number },
): Checkpoint {
  const { vocabulary, lowercase } = checkpoint
  const uses = countUses(checkpoint, texts)
  const usesOf = vocabulary.map((token) => (isReachable(token, lowercase) ? (uses.get(token) ?? 0) : -1))
  const isNeeded = (id: number) =>
    isSpecial(vocabulary[id]!) || (isCharacter(vocabulary[id]!) && usesOf[id]! >= 0)
  const needed = [...vocabulary.keys()].filter(isNeeded)
  const further = [...vocabulary.keys()]
    .filter((id) => !isNeeded(id))
    .sort((a, b) => usesOf[b]! - usesOf[a]! || a - b)
    .slice(0, Math.max(0, keep - needed.length))
  const kept = [...needed, ...further].sort((a, b) => a - b)

  const withoutRows = (tensors: ReadonlyMap<string, CheckpointTensor>) => {
    const pruned = new Map(tensors)
    for (const name of TOKEN_TENSORS) {
      const tensor = tensors.get(name)
      if (tensor) pruned.set(name, takeRows(tensor, kept))
    }
    return pruned
  }
  return {
    ...checkpoint,
    config: { ...checkpoint.config, vocab_size: kept.length },
    vocabulary: kept.map((id) => vocabulary[id]!),
    tensors: withoutRows(checkpoint.tensors),
    heads: withoutRows(checkpoint.heads),
  }
}

const isSpecial = (token: string) => (SPECIAL_TOKENS as readonly string[]).includes(token)
const isCharacter = (token: string) => /^(##)?.$/su.test(token)

/**
 * Whether some text comes to the piece, at the start of a word or within one. None comes to an upper-case letter in an uncased
 * model, to "##" before an ideogram (which stands alone) or to [unused7].
 */
function isReachable(token: string, lowercase: boolean): boolean {
  const word = token.startsWith('##') ? `a${token.slice(2)}` : token
  const words = basicTokens(word, lowercase)
  return words.length === 1 && words[0] === word
}

function countUses(checkpoint: Checkpoint, texts: Iterable<string>): Map<string, number> {
  const tokenizer = createWordPiece(checkpoint)
  const uses = new Map<string, number>()
  for (const text of texts)
    for (const token of tokenizer.tokens(text)) uses.set(token, (uses.get(token) ?? 0) + 1)
  return uses
}

function takeRows({ shape, data }: CheckpointTensor, rows: readonly number[]): CheckpointTensor {
  const width = data.length / shape[0]!
  const taken = new Float32Array(rows.length * width)
  rows.forEach((row, at) => {
    taken.set(data.subarray(row * width, (row + 1) * width), at * width)
  })
  return { shape: [rows.length, ...shape.slice(1)], data: taken }
}

/**
 * Keep some layers, numbered anew. All of them give the checkpoint itself.
 *
 * @param keepLayers indices, ascending, at least one
 */
export function pruneLayers(checkpoint: Checkpoint, keepLayers: readonly number[]): Checkpoint {
  const { num_hidden_layers: layers } = checkpoint.config
  assert(
    keepLayers.length > 0 &&
      keepLayers.every((layer, at) => layer < layers && layer > (keepLayers[at - 1] ?? -1)),
    `layers ${keepLayers.join(', ')} are ascending and among the ${layers} of the model`,
  )
  const keepOf = (tensors: ReadonlyMap<string, CheckpointTensor>) => {
    const kept = new Map<string, CheckpointTensor>()
    for (const [name, tensor] of tensors) {
      const [, layer, rest] = /^encoder\.layer\.(\d+)\.(.*)$/.exec(name) ?? []
      const at = keepLayers.indexOf(Number(layer))
      if (layer === undefined) kept.set(name, tensor)
      else if (at >= 0) kept.set(`encoder.layer.${at}.${rest}`, tensor)
    }
    return kept
  }
  return {
    ...checkpoint,
    config: { ...checkpoint.config, num_hidden_layers: keepLayers.length },
    tensors: keepOf(checkpoint.tensors),
    heads: keepOf(checkpoint.heads),
  }
}

/**
 * The layers to keep when `count` should be left: the first ones. Without training afterwards, the top layers are missed least.
 * Source: Sajjad et al., On the Effect of Dropping Layers of Pre-trained Transformer Models, Computer Speech & Language 2023.
 */
export const firstLayers = (count: number): number[] => Array.from({ length: count }, (_, layer) => layer)
