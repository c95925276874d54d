/** @file The estimators on simulated logs of which the truth is known: a shop with contexts, arms and a biased policy. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../lib/random.ts'
import { type LoggedDecision, valueOfPolicy } from './counterfactual.ts'

const ARMS = 4
const CONTEXTS = 3
/** How likely a click is on an arm in a context; the log never shows this. */
const clickOf = (context: number, arm: number) => 0.05 + 0.2 * ((context + arm) % ARMS)
/** The policy that ran prefers arm 0, the one in question the best arm; neither ever rules an arm out. */
const logging = (_context: number, arm: number): number => (arm === 0 ? 0.55 : 0.15)
const target = (context: number, arm: number) => ((context + arm) % ARMS === 3 ? 0.7 : 0.1)

const everyArm = (value: (arm: number) => number) =>
  Array.from({ length: ARMS }, (_, arm) => value(arm)).reduce((sum, one) => sum + one, 0)
const TRUTH =
  Array.from({ length: CONTEXTS }, (_, context) =>
    everyArm((arm) => target(context, arm) * clickOf(context, arm)),
  ).reduce((sum, one) => sum + one, 0) / CONTEXTS

function draw(random: Random, probabilityOf: (arm: number) => number): number {
  let left = random()
  for (let arm = 0; arm < ARMS - 1; arm++) {
    left -= probabilityOf(arm)
    if (left < 0) return arm
  }
  return ARMS - 1
}

/** @param guess of the reward; the doubly robust estimator leans on it */
function simulate(seed: number, decisions: number, guess = clickOf, said = logging): LoggedDecision[] {
  const random = createRandom(seed)
  return Array.from({ length: decisions }, () => {
    const context = Math.floor(random() * CONTEXTS)
    const arm = draw(random, (one) => logging(context, one))
    return {
      propensity: said(context, arm),
      target: target(context, arm),
      reward: random() < clickOf(context, arm) ? 1 : 0,
      model: {
        shown: guess(context, arm),
        target: everyArm((one) => target(context, one) * guess(context, one)),
      },
    }
  })
}

describe('the value of a policy that never ran', () => {
  it('is near the truth by every estimator, while what was logged is far from it', () => {
    const value = valueOfPolicy(simulate(1, 20_000))
    for (const { value: estimate, standardError } of [value.ips, value.snips, value.doublyRobust!])
      expect(Math.abs(estimate - TRUTH)).toBeLessThan(3 * standardError)
    expect(TRUTH - value.logged.value).toBeGreaterThan(0.1)
    expect(value.meanWeight).toBeCloseTo(1, 1)
  })

  it('lies within two standard errors in about 95 of 100 logs', () => {
    const logs = Array.from({ length: 200 }, (_, seed) => valueOfPolicy(simulate(seed, 1_000)))
    for (const name of ['ips', 'snips', 'doublyRobust'] as const) {
      const near = logs.filter(
        (value) => Math.abs(value[name]!.value - TRUTH) <= 1.96 * value[name]!.standardError,
      )
      // Binomial(200, .95): below 180 once in a thousand.
      expect(near.length, name).toBeGreaterThanOrEqual(180)
    }
  })

  it('is told most surely with a good model of the reward, least by plain weights', () => {
    const { ips, snips, doublyRobust } = valueOfPolicy(simulate(2, 5_000))
    expect(snips.standardError).toBeLessThan(ips.standardError)
    expect(doublyRobust!.standardError).toBeLessThan(snips.standardError)
  })

  it('survives a wrong model, or wrong propensities, but not both', () => {
    const errorOf = (log: LoggedDecision[]) => {
      const { doublyRobust } = valueOfPolicy(log)
      return Math.abs(doublyRobust!.value - TRUTH) / doublyRobust!.standardError
    }
    const wrongModel = () => 0.9
    const wrongPropensity = () => 1 / ARMS
    expect(errorOf(simulate(3, 20_000, wrongModel))).toBeLessThan(3)
    expect(errorOf(simulate(3, 20_000, clickOf, wrongPropensity))).toBeLessThan(3)
    expect(errorOf(simulate(3, 20_000, wrongModel, wrongPropensity))).toBeGreaterThan(5)
  })

  it('of the logging policy itself is what was logged', () => {
    const log = simulate(4, 500).map((one) => ({ ...one, target: one.propensity }))
    const { ips, snips, logged, effectiveSampleSize } = valueOfPolicy(log)
    expect(ips.value).toBeCloseTo(logged.value, 12)
    expect(snips.value).toBeCloseTo(logged.value, 12)
    expect(effectiveSampleSize).toBeCloseTo(500, 6)
  })

  it('shows wrong propensities in the mean weight', () => {
    expect(valueOfPolicy(simulate(5, 5_000, clickOf, () => 0.9)).meanWeight).toBeLessThan(0.6)
  })

  it('with cut weights says how many were cut, and varies less', () => {
    const log = simulate(6, 5_000)
    const cut = valueOfPolicy(log, 2)
    expect(cut.clipped).toBeGreaterThan(0.1)
    expect(cut.ips.standardError).toBeLessThan(valueOfPolicy(log).ips.standardError)
  })
})

describe('laws', () => {
  const decision = fc.record({
    propensity: fc.double({ min: 0.01, max: 1, noNaN: true }),
    target: fc.double({ min: 0, max: 1, noNaN: true }),
    reward: fc.double({ min: 0, max: 10, noNaN: true }),
  })
  const log = fc.array(decision, { minLength: 1, maxLength: 50 })

  it('SNIPS stays within the rewards that were seen, and moves with them', () => {
    fc.assert(
      fc.property(log, fc.double({ min: -5, max: 5, noNaN: true }), (decisions, shift) => {
        fc.pre(decisions.some(({ target: chance }) => chance > 1e-6))
        const rewards = decisions.map(({ reward }) => reward)
        const { snips } = valueOfPolicy(decisions)
        expect(snips.value).toBeGreaterThanOrEqual(Math.min(...rewards) - 1e-9)
        expect(snips.value).toBeLessThanOrEqual(Math.max(...rewards) + 1e-9)
        const shifted = valueOfPolicy(decisions.map((one) => ({ ...one, reward: one.reward + shift })))
        expect(shifted.snips.value).toBeCloseTo(snips.value + shift, 6)
      }),
    )
  })

  it('a model that guesses nothing leaves the doubly robust estimate at IPS', () => {
    fc.assert(
      fc.property(log, (decisions) => {
        const { ips, doublyRobust } = valueOfPolicy(
          decisions.map((one) => ({ ...one, model: { shown: 0, target: 0 } })),
        )
        expect(doublyRobust!.value).toBeCloseTo(ips.value, 9)
      }),
    )
  })
})
