/**
 * @file The vectors of items: what was learnt of an item by itself, and what its text says. A new item has the text alone.
 *
 *   e = unit(id + W t),   t the item's text vector, centred and decorrelated
 */
import type { Value } from '../../graph/builder.ts'
import type { Graph } from '../../graph/ops.ts'
import type { Layers } from '../../model/bert.ts'
import type { ParameterSpec } from '../../model/config.ts'

export type ItemTableConfig = {
  items: number
  hidden: number
  /** Numbers of a text's vector; 0 where items have none. */
  textSize: number
}

export const ITEM_IDS = 'items.id'
export const ITEM_TEXTS = 'items.text'
export const TEXT_PROJECTION = 'items.text_projection'

export function itemTableSpecs({ items, hidden, textSize }: ItemTableConfig): ParameterSpec[] {
  return [
    { name: ITEM_IDS, shape: [items, hidden], initial: 'words' },
    ...(textSize > 0
      ? [{ name: TEXT_PROJECTION, shape: [textSize, hidden], initial: 'weight' as const }]
      : []),
  ]
}

/** f32[items, hidden] */
export function emitCatalogue(g: Graph, layers: Layers, { textSize }: ItemTableConfig): Value {
  const ids = layers.parameter(ITEM_IDS)
  return g.l2Normalise(textSize === 0 ? ids : g.add(ids, projected(g, layers, layers.parameter(ITEM_TEXTS))))
}

/** f32[n, hidden] of some items: where the catalogue is too large to be computed at every step. */
export function emitItems(g: Graph, layers: Layers, { textSize }: ItemTableConfig, items: Value): Value {
  const ids = layers.lookUp(ITEM_IDS, items)
  return g.l2Normalise(
    textSize === 0
      ? ids
      : g.add(ids, projected(g, layers, g.gatherRows(layers.parameter(ITEM_TEXTS), items))),
  )
}

const projected = (g: Graph, layers: Layers, texts: Value): Value =>
  g.matMul(texts, layers.parameter(TEXT_PROJECTION))
