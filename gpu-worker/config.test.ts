import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readConfig } from './config.ts'

const ENV = {
  QUEUE_ACCOUNT: 'a',
  QUEUE_API_TOKEN: 'token-value',
  S3_ENDPOINT: 'http://127.0.0.1:1',
  S3_ACCESS_KEY_ID: 'id',
  S3_SECRET_ACCESS_KEY: 'secret-value',
  PATH: '/bin',
}

describe('the worker configuration', () => {
  it('fills in defaults and leaves other programs their variables', () => {
    const config = readConfig(ENV, ['--drain'])
    expect(config.ok && config.value).toMatchObject({
      LEASE_SECONDS: 120,
      ENCODER_PROVIDER: 'cpu',
      TRAIN_PROVIDER: 'cpu',
      drain: true,
    })
  })
  it('reports every fault at once, unknown keys too', () => {
    const config = readConfig({ ...ENV, LEASE_SECONDS: 'soon', QUEUE_TYPO: 'x', S3_ENDPOINT: 'nowhere' }, [
      '--darin',
    ])
    const text = config.ok ? '' : config.error
    for (const word of ['LEASE_SECONDS', 'QUEUE_TYPO', 'S3_ENDPOINT', '--darin']) expect(text).toContain(word)
  })
  it('never prints a secret', () => {
    const config = readConfig(ENV, [])
    const printed = `${inspect(config)} ${JSON.stringify(config)} ${config.ok ? config.value.QUEUE_API_TOKEN : ''}`
    expect(printed).not.toContain('token-value')
    expect(printed).not.toContain('secret-value')
  })
})
