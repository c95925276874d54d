/**
 * @file What the stages of a ranked reply take, and what they may take. Told in the `Server-Timing` header and in
 * Analytics Engine, see `stage-report.ts`.
 *
 * In a deployed Worker the clock stands still while code computes and moves at I/O only (a guard against Spectre:
 * https://developers.cloudflare.com/workers/runtime-apis/performance), so that a stage there shows its waits: the key's
 * look-up, the profile, a cold index, a shard. Locally the clock runs, and a stage shows all of its time. Budgets follow the same
 * clock: deployed they bound waiting, and the platform's own CPU limit bounds the rest.
 */

/**
 * In the order of a recommendation. `auth` is the key and its rate, `index` the wait of a cold isolate for its index (nothing in a
 * warm one), `rank` includes the reasons and the fields of what is shown.
 */
export const STAGES = ['auth', 'index', 'profile', 'retrieve', 'rank', 'diversify'] as const
export type Stage = (typeof STAGES)[number]

/** Milliseconds that a stage may take before the rest of it is left out. What has no budget has nothing that can be left out. */
export type StageBudgets = Readonly<Record<'profile' | 'retrieve' | 'rank' | 'diversify', number>>

/** In `degraded`: part of the stage was left out. A profile that is late is "profile-timeout", a ranker "ranker-over-budget". */
export type OverBudget = `${'retrieve' | 'diversify'}-over-budget`

/** A stage that did not run. */
export const NOT_RUN = -1

/** The times of one request. A class, because objects of one shape without closures are cheap to make for each request. */
export class StageTimer {
  readonly #clock: () => number
  readonly #budgetsMs: StageBudgets
  readonly #startedMs: number
  #running: Stage | null = null
  #sinceMs = 0
  readonly #spentMs = {
    auth: NOT_RUN,
    index: NOT_RUN,
    profile: NOT_RUN,
    retrieve: NOT_RUN,
    rank: NOT_RUN,
    diversify: NOT_RUN,
  }

  /** @param clock milliseconds from any start, never going back */
  constructor(clock: () => number, budgetsMs: StageBudgets) {
    this.#clock = clock
    this.#budgetsMs = budgetsMs
    this.#startedMs = clock()
  }

  /** End the stage that runs and begin this one; a stage that is begun again goes on. */
  begin(stage: Stage): void {
    const nowMs = this.#end()
    this.#running = stage
    this.#sinceMs = nowMs
  }

  /** End the stage that runs, if one does. */
  end(): void {
    this.#end()
  }

  /** Has the stage that runs taken more than its budget? */
  isOver(): boolean {
    const stage = this.#running
    if (stage === null || !(stage in this.#budgetsMs)) return false
    const spentMs = Math.max(0, this.#spentMs[stage]) + this.#clock() - this.#sinceMs
    return spentMs > this.#budgetsMs[stage as keyof StageBudgets]
  }

  /** Milliseconds, or `NOT_RUN`; of the running stage without its time since it was begun. */
  spentMs(stage: Stage): number {
    return this.#spentMs[stage]
  }

  /** Milliseconds since the timer was made. */
  totalMs(): number {
    return this.#clock() - this.#startedMs
  }

  #end(): number {
    const nowMs = this.#clock()
    const stage = this.#running
    if (stage !== null) this.#spentMs[stage] = Math.max(0, this.#spentMs[stage]) + nowMs - this.#sinceMs
    this.#running = null
    return nowMs
  }
}
