/** @file What a search knows so far, in one file of the run's folder: a search that was stopped asks no candidate twice. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { replaceFile } from '../../replace-files.ts'
import { StateError } from '../trainer.ts'

/** Of a candidate at the end of a rung. */
const Outcome = z.object({
  candidate: z.int(),
  rung: z.int(),
  /** Larger is better; null when the loss stopped being a number. */
  metric: z.number().nullable(),
  /** That it has had. */
  validations: z.int(),
  seconds: z.number(),
  /** Training up to it included; null when none was made. */
  secondsPerValidation: z.number().nullable(),
})
export type Outcome = z.infer<typeof Outcome>
const OutcomeFile = z.object({ fingerprint: z.string(), outcomes: z.array(Outcome) })

/** @throws StateError when the file is of another search */
export async function readOutcomes(path: string, fingerprint: string): Promise<Outcome[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw cause
  }
  const file = OutcomeFile.parse(JSON.parse(text))
  if (file.fingerprint !== fingerprint)
    throw new StateError(
      `${path} was written under another recipe, other data or another base; use another folder, or delete it`,
    )
  return file.outcomes
}

export const writeOutcomes = (path: string, fingerprint: string, outcomes: readonly Outcome[]) =>
  replaceFile(path, new TextEncoder().encode(JSON.stringify({ fingerprint, outcomes })))

/** The best in the highest rung that anyone came to; null where no one has a metric. */
export function leaderOf(outcomes: readonly Outcome[]): number | null {
  const [leader] = outcomes
    .filter((one): one is Outcome & { metric: number } => one.metric !== null)
    .sort((a, b) => b.rung - a.rung || b.metric - a.metric || a.candidate - b.candidate)
  return leader?.candidate ?? null
}

/** Time for a candidate to come to `validations` and then for the rest of the leader's run; 0 while nothing was measured. */
export function neededMs(
  outcomes: readonly Outcome[],
  { candidate, validations, total }: { candidate: number; validations: number; total: number },
): number {
  const seconds = outcomes.findLast(({ secondsPerValidation }) => secondsPerValidation)?.secondsPerValidation
  const leader = leaderOf(outcomes)
  if (!seconds || leader === null) return 0
  const done = (of: number) =>
    Math.max(0, ...outcomes.map((one) => (one.candidate === of ? one.validations : 0)))
  return 1_000 * seconds * (Math.max(0, validations - done(candidate)) + total - done(leader))
}
