/**
 * @file Shards in other processes, as the Worker's binding gives them, and what they cost a request. In the cloud the shards of a round
 * answer side by side, each on a machine of its own; here they are asked one after the other, and the way to them is not counted:
 * a round lasts as long as its slowest shard computes. Messages are serialised as an RPC does, and that is counted on both sides.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import type { Shard } from '../../functions/ranking/shard.ts'
import { NODE_FLAGS } from './growth-isolate.ts'
import type { Answer, OpenShard, Question, ShardEnd, ToShard } from './growth-shard.ts'

/** Milliseconds of one request. */
export type ShardCosts = {
  /** That the request stood still here, whatever for: not a part of what it costs. */
  waited: number
  rounds: number
  /** Of each round the slowest shard, summed. */
  slowest: number
  /** Of all shards. */
  shardsCpu: number
}
export type Links = {
  namespace: DurableObjectNamespace
  /** Since it was last taken. */
  take(): ShardCosts
  /** Ask one shard without counting it. */
  ask(at: number, question: Question): Promise<unknown>
  /** End the processes. */
  end(): Promise<ShardEnd[]>
}
type Asked = {
  at: number
  question: Uint8Array
  resolve(answer: unknown): void
}

const METHODS: readonly (keyof Shard)[] = [
  'prepare',
  'statistics',
  'search',
  'show',
  'items',
  'candidates',
  'completions',
  'has',
]
const NO_COSTS: ShardCosts = { waited: 0, rounds: 0, slowest: 0, shardsCpu: 0 }

export async function openLinks(shards: readonly OpenShard[]): Promise<Links> {
  const children = shards.map(() =>
    fork(join(import.meta.dirname, 'growth-shard.ts'), { serialization: 'advanced', execArgv: NODE_FLAGS }),
  )
  await Promise.all(children.map((child, at) => exchange(child, { open: shards[at]! })))
  let asked: Asked[] = []
  let isAsking = false
  let costs = { ...NO_COSTS }

  /** All that was asked before anybody waited is one round. */
  async function askRound(): Promise<void> {
    isAsking = true
    const round = asked
    asked = []
    const from = performance.now()
    const answers: Answer[] = []
    for (const { at, question } of round)
      answers.push((await exchange(children[at]!, { question })) as Answer)
    costs.waited += performance.now() - from
    costs.rounds++
    costs.slowest += Math.max(...answers.map(({ ms }) => ms))
    costs.shardsCpu += answers.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
    isAsking = false
    round.forEach(({ resolve }, index) => {
      resolve(deserialize(answers[index]!.bytes))
    })
    if (asked.length > 0) setImmediate(askRound)
  }

  const shardAt = (at: number) =>
    Object.fromEntries(
      METHODS.map((method) => [
        method,
        (...args: unknown[]) =>
          new Promise((resolve) => {
            asked.push({ at, question: serialize({ method, args } satisfies Question), resolve })
            if (asked.length === 1 && !isAsking) setImmediate(askRound)
          }),
      ]),
    )
  const stubs = children.map((_, at) => shardAt(at))
  return {
    namespace: {
      // "region/placement/shard"
      idFromName: (name: string) => Number(name.split('/').at(-1)),
      get: (at: number) => stubs[at],
    } as unknown as DurableObjectNamespace,
    take() {
      const taken = costs
      costs = { ...NO_COSTS }
      return taken
    },
    async ask(at, question) {
      const { bytes } = (await exchange(children[at]!, { question: serialize(question) })) as Answer
      return deserialize(bytes)
    },
    async end() {
      const ends = await Promise.all(children.map((child) => exchange(child, { end: true })))
      for (const child of children) child.disconnect()
      return ends as ShardEnd[]
    },
  }
}

/** One message, one answer; nobody asks a process that has not answered. */
const exchange = (child: ChildProcess, message: ToShard): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const fail = (code: number | null) => reject(new Error(`a shard's process ended with code ${code}`))
    child.once('exit', fail)
    child.once('message', (answer) => {
      child.off('exit', fail)
      resolve(answer)
    })
    child.send(message)
  })
