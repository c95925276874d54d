/** @file `aisle publish-ranker`: a ranker goes to a running Aisle, which tries it and ranks by it from the next index version on. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { Run } from '../../shared/schema/models.ts'
import type { Client } from './client.ts'
import { Failure } from './failure.ts'

const POLL_MS = 300
const WAIT_MS_MAX = 120_000
const Card = z.object({ format: z.literal(1), features: z.array(z.string()).min(1) })

/** @param directory of `aisle train-ranker`; null goes back to the weights set by hand */
export async function publishRanker(client: Client, directory: string | null): Promise<Run> {
  const run =
    directory === null
      ? await client.delete<Run>('/v1/ranker')
      : await client.put<Run>('/v1/ranker', JSON.stringify(await readRanker(directory)))
  for (let waitedMs = 0; waitedMs < WAIT_MS_MAX; waitedMs += POLL_MS) {
    const now = await client.get<Run>(`/v1/runs/${run.id}`)
    if (now.state === 'done') return now
    if (now.state === 'failed' || now.state === 'refused')
      throw new Failure(now.error ?? `Run ${run.id} failed.`)
    await wait(POLL_MS)
  }
  throw new Failure(
    `Run ${run.id} is not done after ${WAIT_MS_MAX / 1_000} s: is a worker running? GET /v1/runs/${run.id} says how it ends.`,
  )
}

async function readRanker(directory: string): Promise<{ features: string[]; model: string }> {
  try {
    const card = Card.parse(JSON.parse(await readFile(join(directory, 'ranker.json'), 'utf8')))
    const model = await readFile(join(directory, 'ranker.onnx'))
    return { features: card.features, model: model.toString('base64') }
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError ? 'its ranker.json is of another format' : (cause as Error).message
    throw new Failure(`"${directory}" is not a folder of "aisle train-ranker": ${reason}.`)
  }
}
