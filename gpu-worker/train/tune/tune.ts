/**
 * @file Hyper-parameter search: candidates of a recipe are trained rung by rung, each going on from its own state on the
 * schedule of a whole run, and the best one to its end. Stages without a metric are made once for all that agree on them.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../../shared/lib/result.ts'
import { DataError } from '../examples.ts'
import type { Recipe } from '../recipe.ts'
import type { Trained } from '../recipes/trained.ts'
import type { Context } from '../run-stage.ts'
import { type Train, trainCandidate, watchCandidate } from './candidate.ts'
import { planRungs, type Rung, survivors } from './halving.ts'
import { leaderOf, neededMs, readOutcomes, writeOutcomes } from './outcomes.ts'
import { drawSettings, type Settings, withSettings } from './space.ts'

/** How a search went, for a table. */
export type Tuned = {
  rungs: Rung[]
  /** Metrics by rung, as far as a candidate came, and the winner's at its end. */
  candidates: { settings: Settings; metrics: (number | null)[] }[]
  winner: number
  /** Time was up before every rung was done. */
  isCutShort: boolean
  /** The winner's, to be trained again as it is. */
  recipe: Recipe
}
export type TuneOptions = {
  recipe: Recipe
  /** Its journal and folder are those of the whole search. */
  context: Context
  train: Train
  nowMs(): number
}

const OUTCOMES_FILE = 'tune.json'
const FOLDER = 'candidates'
/** What is set in these is part of a stage's own fingerprint; anything else changes the whole run's. */
const STAGE_BLOCKS = /^(mlm|contrastive|training)\./

/**
 * @throws DataError     when no candidate came to a first validation, or none that is a number
 * @throws StateError    when the folder holds the search of another recipe
 * @throws StageStopped  on a signal; the same call goes on from there
 */
export async function tuneRecipe({ recipe, context, train, nowMs }: TuneOptions): Promise<Trained> {
  const { tune } = recipe
  assert(tune, 'the recipe has a space')
  const { directory, fingerprint, journal } = context
  const file = join(directory, OUTCOMES_FILE)
  const outcomes = await readOutcomes(file, fingerprint)
  const settings = drawSettings(tune.space, tune.candidates, recipe.seed)
  const { everySteps, total } = measuring(recipe)
  const rungs = planRungs(settings.length, tune.eta, total)
  const usedMs = outcomes.reduce((sum, { seconds }) => sum + 1_000 * seconds, 0)
  const deadlineMs = Math.min(
    context.deadlineMs ?? Number.POSITIVE_INFINITY,
    nowMs() + Math.max(0, 60_000 * tune.minutes - usedMs),
  )
  const folderOf = (candidate: number) => join(directory, FOLDER, String(candidate))
  const runOf = (candidate: number) => {
    const { deadlineMs: _, ...own } = context
    const shared = Object.entries(settings[candidate]!).filter(([path]) => !STAGE_BLOCKS.test(path))
    return {
      name: `candidate-${candidate}`,
      recipe: candidateOf(recipe, settings[candidate]!),
      context: {
        ...own,
        directory: folderOf(candidate),
        fingerprint: `${fingerprint} ${JSON.stringify(shared)}`,
      },
      everySteps,
      nowMs,
    }
  }

  /** False when time is up first. */
  const climb = async (candidate: number, rung: number): Promise<boolean> => {
    const { validations } = rungs[rung]!
    if (outcomes.some((one) => one.candidate === candidate && one.rung === rung)) return true
    const startedMs = nowMs()
    if (startedMs + neededMs(outcomes, { candidate, validations, total }) >= deadlineMs) return false
    const giveUpAtMs = deadlineMs - neededMs(outcomes, { candidate, validations: 0, total })
    const { end, ...reached } = await trainCandidate({ ...runOf(candidate), train, validations, giveUpAtMs })
    if (end === 'out-of-time') return false
    outcomes.push({ candidate, rung, ...reached, seconds: (nowMs() - startedMs) / 1_000 })
    await writeOutcomes(file, fingerprint, outcomes)
    journal.note({ event: 'candidate', candidate, rung, settings: settings[candidate]!, ...reached })
    return true
  }
  /** False when time is up before all rungs are done. */
  const climbAll = async (): Promise<boolean> => {
    let field = [...settings.keys()]
    for (let rung = 0; rung < rungs.length && field.length > 1; rung++) {
      for (const candidate of field) if (!(await climb(candidate, rung))) return false
      const scores = outcomes.filter((one) => one.rung === rung)
      const next = survivors(scores, rungs[rung + 1]?.candidates ?? 1)
      const dropped = field.filter((candidate) => !next.includes(candidate))
      for (const candidate of dropped) await rm(folderOf(candidate), { recursive: true, force: true })
      field = next
    }
    return true
  }

  const isWhole = await climbAll()
  const winner = leaderOf(outcomes)
  if (winner === null)
    throw new DataError(
      outcomes.length === 0
        ? `No candidate came to its first validation within ${tune.minutes} minutes: give the search more, or validate more often.`
        : 'The loss of every candidate stopped being a number: lower the rates that are tried.',
    )
  const last = runOf(winner)
  const watched = watchCandidate(last)
  const trained = await train(last.recipe, { ...last.context, journal: watched.journal, deadlineMs })
  const tuned: Tuned = {
    rungs,
    candidates: settings.map((values, candidate) => {
      const metrics = outcomes.filter((one) => one.candidate === candidate).map(({ metric }) => metric)
      return { settings: values, metrics: candidate === winner ? [...metrics, watched.seen.metric] : metrics }
    }),
    winner,
    isCutShort: !isWhole,
    recipe: last.recipe,
  }
  journal.note({ event: 'tuned', ...tuned })
  return { ...trained, tuned }
}

/** Checked when the recipe was read: every value of the space fits. */
function candidateOf({ tune: _, ...recipe }: Recipe, settings: Settings): Recipe {
  const candidate = withSettings(recipe, settings)
  assert(candidate, 'the fields of the space are in the recipe')
  return candidate
}

/** Of a whole run, in all its stages with a metric. */
function measuring(recipe: Recipe): { everySteps: number; total: number } {
  const { steps, validateEverySteps } = 'contrastive' in recipe ? recipe.contrastive : recipe.training
  const rounds = 'rounds' in recipe ? recipe.rounds : 1
  return {
    everySteps: validateEverySteps,
    total: rounds * Math.ceil(Math.ceil(steps / rounds) / validateEverySteps),
  }
}
