import { describe, expect, it } from 'vitest'
import { chooseProvider, type Finding, PROVIDERS, probeProviders } from './probe.ts'

const works = (provider: Finding['provider'], milliseconds: number): Finding => ({
  provider,
  works: true,
  milliseconds,
})
const fails = (provider: Finding['provider'], reason: string): Finding => ({ provider, works: false, reason })

describe('the probe', () => {
  it('finds the CPU on every machine, and says of each other provider that it works or what is missing', async () => {
    const findings = await probeProviders()
    expect(findings.map(({ provider }) => provider)).toEqual(PROVIDERS)
    expect(findings.at(-1)).toMatchObject({ provider: 'cpu', works: true })
    for (const finding of findings)
      if (!finding.works) expect(finding.reason).not.toMatch(/onnxruntime_src|\n/)
  })
})

describe('the choice', () => {
  const none = [fails('cuda', 'no NVIDIA card'), fails('webgpu', 'no driver'), works('cpu', 5)]

  it('takes the one asked for where it works', () => {
    const found = [works('cuda', 0.2), fails('webgpu', 'no driver'), works('cpu', 5)]
    expect(chooseProvider('cuda', found).provider).toBe('cuda')
    expect(chooseProvider('cpu', found)).toMatchObject({ provider: 'cpu' })
  })
  it('takes the CPU where it does not, and says why', () => {
    expect(chooseProvider('cuda', none)).toEqual({
      provider: 'cpu',
      sentence:
        'Using cpu: cuda does not work here. Found: no cuda (no NVIDIA card); no webgpu (no driver); cpu (5.0 ms).',
    })
  })
  it('takes the fastest for auto: a card that is the CPU in disguise is no card', () => {
    expect(chooseProvider('auto', none).provider).toBe('cpu')
    const software = [fails('cuda', 'no NVIDIA card'), works('webgpu', 1_700), works('cpu', 5)]
    expect(chooseProvider('auto', software).provider).toBe('cpu')
    expect(chooseProvider('auto', [works('cuda', 0.3), works('webgpu', 0.3), works('cpu', 5)]).provider).toBe(
      'cuda',
    )
  })
  it('needs no findings for the CPU', () => {
    expect(chooseProvider('cpu', [])).toEqual({ provider: 'cpu', sentence: 'Using cpu as asked.' })
  })
})
