import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatServerTiming } from './stage-report.ts'
import { NOT_RUN, STAGES, type Stage, StageTimer } from './stages.ts'

const BUDGETS = { profile: 50, retrieve: 100, rank: 20, diversify: 20 }
function open() {
  let now = 1_000
  const stages = new StageTimer(() => now, BUDGETS)
  return { stages, pass: (ms: number) => (now += ms) }
}

describe('stages of a request', () => {
  it('each have their own time, also when one is begun again', () => {
    const { stages, pass } = open()
    stages.begin('auth')
    pass(2)
    stages.end()
    pass(100)
    stages.begin('retrieve')
    pass(3)
    stages.begin('rank')
    pass(4)
    stages.begin('retrieve')
    pass(5)
    stages.end()
    expect(STAGES.map((stage) => stages.spentMs(stage))).toEqual([2, NOT_RUN, NOT_RUN, 8, 4, NOT_RUN])
    expect(stages.totalMs()).toBe(114)
  })
  it('are over their budget just past it, counting all of their parts, and not once another runs', () => {
    const { stages, pass } = open()
    stages.begin('retrieve')
    pass(60)
    stages.begin('rank')
    stages.begin('retrieve')
    pass(40)
    expect(stages.isOver()).toBe(false)
    pass(0.01)
    expect(stages.isOver()).toBe(true)
    stages.begin('diversify')
    expect(stages.isOver()).toBe(false)
    stages.end()
    expect(stages.isOver()).toBe(false)
  })
  it('without a budget are never over it', () => {
    const { stages, pass } = open()
    for (const stage of ['auth', 'index'] as const) {
      stages.begin(stage)
      pass(1e9)
      expect(stages.isOver()).toBe(false)
    }
  })
  it('add up to the time that passed while one ran', () => {
    const step = fc.tuple(fc.constantFrom(...STAGES, null), fc.nat(1_000))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { stages, pass } = open()
        let expected = 0
        for (const [stage, ms] of steps) {
          if (stage === null) stages.end()
          else stages.begin(stage)
          pass(ms)
          if (stage !== null) expected += ms
        }
        stages.end()
        const ran = new Set(steps.map(([stage]) => stage))
        const spent = STAGES.map((stage) => stages.spentMs(stage))
        expect(spent.map((ms) => ms === NOT_RUN)).toEqual(STAGES.map((stage) => !ran.has(stage)))
        expect(spent.filter((ms) => ms !== NOT_RUN).reduce((sum, ms) => sum + ms, 0)).toBe(expected)
      }),
      { seed: 5, numRuns: 200 },
    )
  })
})

it('the header names the stages that ran, in their order, in hundredths of a millisecond', () => {
  const { stages, pass } = open()
  const run = (stage: Stage, ms: number) => {
    stages.begin(stage)
    pass(ms)
  }
  run('retrieve', 1.23456)
  run('auth', 0)
  stages.end()
  expect(formatServerTiming(stages)).toBe('auth;dur=0, retrieve;dur=1.23')
})
