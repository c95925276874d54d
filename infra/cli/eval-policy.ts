/** @file `aisle eval policy`: what another policy would have earned, from a log with propensities. */
import {
  type Estimate,
  type LoggedDecision,
  type PolicyValue,
  valueOfPolicy,
} from '../../shared/metrics/counterfactual.ts'
import { readCatalogue } from './catalogue-file.ts'
import { Failure } from './failure.ts'

export type EvalPolicyOptions = { log: string; clip?: number }

export async function evalPolicy({ log, clip }: EvalPolicyOptions): Promise<PolicyValue> {
  if (clip !== undefined && !(clip >= 1)) throw new Failure('--clip is a number of 1 or more.')
  const decisions: LoggedDecision[] = []
  for await (const { row } of readCatalogue(log)) {
    const number = (name: string) => numberIn(row, name, `"${log}", decision ${decisions.length + 1}`)
    const propensity = number('propensity')
    const target = number('target')
    if (propensity <= 0 || propensity > 1 || target < 0 || target > 1)
      throw new Failure(
        `"${log}", decision ${decisions.length + 1}: a propensity lies above 0 and a target at 0 or above, both at most 1; these are ${propensity} and ${target}.`,
      )
    decisions.push({
      propensity,
      target,
      reward: number('reward'),
      ...('modelShown' in row
        ? { model: { shown: number('modelShown'), target: number('modelTarget') } }
        : {}),
    })
  }
  if (decisions.length === 0) throw new Failure(`"${log}" has no decision.`)
  return valueOfPolicy(decisions, clip)
}

function numberIn(row: Record<string, unknown>, name: string, where: string): number {
  const value = row[name] === '' || row[name] === undefined ? Number.NaN : Number(row[name])
  if (!Number.isFinite(value))
    throw new Failure(
      `${where}: "${name}" is not a number. A log has propensity, target and reward, and for the doubly robust estimate modelShown and modelTarget.`,
    )
  return value
}

export function renderPolicy(value: PolicyValue): string {
  const line = (name: string, estimate: Estimate | null, note: string) =>
    `  ${name.padEnd(15)}${estimate ? `${estimate.value.toFixed(5)} ± ${(1.96 * estimate.standardError).toFixed(5)}` : '–'.padEnd(17)}  ${note}`
  return [
    `${value.decisions} decisions; each ± is a 95 % interval`,
    line('as logged', value.logged, 'what the policy that ran earned'),
    line('IPS', value.ips, 'unbiased, wide'),
    line('SNIPS', value.snips, 'nearly unbiased, narrower'),
    line(
      'doubly robust',
      value.doublyRobust,
      value.doublyRobust ? 'narrow where the model is good' : 'needs modelShown and modelTarget',
    ),
    `mean weight ${value.meanWeight.toFixed(3)} (far from 1: wrong propensities), effective sample ${value.effectiveSampleSize.toFixed(0)}, clipped ${(100 * value.clipped).toFixed(1)} %`,
  ].join('\n')
}
