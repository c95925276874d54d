/**
 * @file A sequence model's folder: `sasrec.safetensors` with the weights, the items' vectors and, in its header, the sizes;
 * `tower.onnx` for the edge.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { decodeSafetensors, readMetadata, safetensorsParts } from '../../model/safetensors.ts'
import { type SasrecConfig, sasrecSpecs } from '../../model/sasrec.ts'
import { replaceFiles } from '../../replace-files.ts'
import { openScorer, type Scorer } from './score.ts'
import { buildTower, type Tensors } from './tower.ts'
import type { Vectors } from './vectors.ts'

const WEIGHTS_FILE = 'sasrec.safetensors'
const TOWER_FILE = 'tower.onnx'
const ITEMS_TENSOR = 'item_vectors'

const Header = z.strictObject({
  version: z.literal(1),
  transformer: z.strictObject({
    hidden: z.int().positive(),
    layers: z.int().positive(),
    heads: z.int().positive(),
    inner: z.int().positive(),
    positions: z.int().positive(),
  }),
})

export type SavedSasrec = {
  transformer: SasrecConfig
  tensors: Tensors
  /** f32[itemCount, hidden]: unit vectors, shorter ones of items without events. */
  items: Vectors
}

/** With what scores by it. */
export type OpenSasrec = SavedSasrec & { model: Scorer }

/** Error of a folder that holds no model, or a damaged one; the message says which. */
export class SasrecFileError extends Error {}

export async function saveSasrec(
  directory: string,
  { transformer, tensors, items }: SavedSasrec,
): Promise<void> {
  await mkdir(directory, { recursive: true })
  const header = JSON.stringify({ version: 1, transformer } satisfies z.infer<typeof Header>)
  const all = new Map([
    [ITEMS_TENSOR, { shape: [items.data.length / items.size, items.size], data: items.data }],
    ...sasrecSpecs(transformer).map(({ name }) => [name, tensors.get(name)!] as const),
  ])
  await replaceFiles([
    { path: join(directory, WEIGHTS_FILE), bytes: safetensorsParts(all, { metadata: { sasrec: header } }) },
    { path: join(directory, TOWER_FILE), bytes: buildTower(transformer, tensors) },
  ])
}

/** @throws SasrecFileError where there is no model that can be read */
export async function readSasrec(
  directory: string,
  { threads = 1 }: { threads?: number } = {},
): Promise<OpenSasrec> {
  const path = join(directory, WEIGHTS_FILE)
  const bytes = await readFile(path).catch((cause) => {
    throw new SasrecFileError(`There is no sequence model in ${directory}.`, { cause })
  })
  const fault = (reason: string) => new SasrecFileError(`${path} cannot be read: ${reason}.`)
  const metadata = readMetadata(bytes)
  if (!metadata.ok) throw fault(metadata.error)
  const header = Header.safeParse(parseJson(metadata.value.sasrec ?? ''))
  if (!header.success) throw fault('it was not written by this version')
  const { transformer } = header.data
  const decoded = decodeSafetensors(bytes)
  if (!decoded.ok) throw fault(decoded.error)
  const { [ITEMS_TENSOR]: items, ...rest } = Object.fromEntries(decoded.value)
  const tensors = new Map(Object.entries(rest))
  const wrong = sasrecSpecs(transformer).find(
    ({ name, shape }) => tensors.get(name)?.shape.join() !== shape.join(),
  )
  if (wrong) throw fault(`it has no ${wrong.name} of ${wrong.shape.join(' × ')}`)
  if (!items || items.shape[1] !== transformer.hidden) throw fault('it has no vectors of items')
  const vectors = { size: transformer.hidden, data: items.data }
  return {
    transformer,
    tensors,
    items: vectors,
    model: await openScorer(transformer, tensors, vectors, threads),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
