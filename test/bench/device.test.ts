import { expect, it } from 'vitest'
import { measureDevice, passes, SMOKE } from './device.ts'

it('measures the CPU and every device there is, and holds each against the CPU', async () => {
  const report = await measureDevice(SMOKE)
  expect(report.columns.map(({ error }) => error)).toEqual(report.columns.map(() => null))
  expect(passes(report)).toBe(true)
  const [cpu, other] = report.columns
  expect(cpu!.loss!.difference.value).toBe(0)
  expect(other!.encode.map(({ precision }) => precision)).toContain('fp16')
  for (const { stepsPerSecond, encode, hostMb } of report.columns) {
    expect(stepsPerSecond).toBeGreaterThan(0)
    expect(hostMb).toBeGreaterThan(0)
    for (const { textsPerSecond } of encode) expect(textsPerSecond).toBeGreaterThan(0)
  }
})

it('says which column could not be measured, and why', async () => {
  const report = await measureDevice(SMOKE, 'cuda')
  const cuda = report.columns.at(-1)!
  if (report.findings.some(({ provider, works }) => provider === 'cuda' && works)) return
  expect(cuda).toMatchObject({ arm: 'cuda', loss: null })
  expect(cuda.error).not.toBeNull()
  expect(passes(report)).toBe(false)
})
