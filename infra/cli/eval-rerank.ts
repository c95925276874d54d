/** @file `aisle eval rerank`: how relevant each title of a file is to its query, as CSV; and against people, if the file has their word. */
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { createReranker } from '../../gpu-worker/encode/reranker.ts'
import { readRelevance } from '../../gpu-worker/model/relevance.ts'
import { pairAccuracy, rootMeanSquareError } from '../../shared/metrics/agreement.ts'
import { Failure } from './failure.ts'
import { type JudgedPair, readPairs } from './training-files.ts'

export type EvalRerankOptions = { pairs: string; out: string; model: string; threads?: number }
export type RerankOutcome = {
  pairs: number
  out: string
  /** Null where the file has no judgments. */
  judged: { pairs: number; pairAccuracy: number | null; comparisons: number; rmse: number } | null
}

export async function evalRerank(options: EvalRerankOptions): Promise<RerankOutcome> {
  const pairs = await readPairs(options.pairs)
  const relevance = await readRelevance(options.model)
  if (!relevance.ok) throw new Failure(`The model in "${options.model}" cannot be used: ${relevance.error}.`)
  if (relevance.value === null)
    throw new Failure(
      `The model in "${options.model}" was not taught to judge pairs: train it with "aisle train --recipe search" on judgments of three grades or more.`,
    )
  const reranker = await createReranker(relevance.value, { threads: options.threads ?? cpus().length })
  const scores = await reranker.score(pairs)
  await reranker.close()
  const lines = pairs.map(({ id }, at) => `${quote(id)},${scores[at]!.toFixed(6)}\n`)
  await writeFile(options.out, `id,score\n${lines.join('')}`)
  return { pairs: pairs.length, out: options.out, judged: compare(pairs, scores) }
}

function compare(pairs: readonly JudgedPair[], scores: readonly number[]): RerankOutcome['judged'] {
  const judged = [...pairs.keys()].filter((at) => pairs[at]!.relevance !== null)
  if (judged.length === 0) return null
  const said = judged.map((at) => scores[at]!)
  const relevances = judged.map((at) => pairs[at]!.relevance!)
  const { accuracy, pairs: comparisons } = pairAccuracy(
    judged.map((at) => pairs[at]!.query),
    said,
    relevances,
  )
  return {
    pairs: judged.length,
    pairAccuracy: accuracy,
    comparisons,
    rmse: rootMeanSquareError(said, relevances),
  }
}

/** Source: RFC 4180. */
const quote = (field: string): string => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

export function renderRerank({ pairs, out, judged }: RerankOutcome): string {
  const scored = `${pairs} pairs scored in ${out}`
  if (!judged) return scored
  const accuracy = judged.pairAccuracy === null ? '–' : judged.pairAccuracy.toFixed(4)
  return [
    scored,
    `pair accuracy ${accuracy} (${judged.comparisons} comparisons), RMSE ${judged.rmse.toFixed(4)} on ${judged.pairs} judged pairs`,
  ].join('\n')
}
