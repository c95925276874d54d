import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Tests that need the Workers runtime say so in their name; all others run in Node. */
const WORKERD_TESTS = 'functions/**/*.workerd.test.ts'

export default defineConfig({
  test: {
    // Two cores, and integration tests that run whole stacks: files side by side would measure each other's waits.
    maxWorkers: 2,
    reporters: ['default', './test/reporter.ts'],
    projects: [
      {
        test: {
          name: 'node',
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', '.cache/**', '.state/**', WORKERD_TESTS],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async ({ inject }) => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              analyticsEngineDatasets: { ANALYTICS: { dataset: 'aisle' } },
              bindings: {
                PSEUDONYM_SECRET: 'a secret for tests only',
                AWS_ACCESS_KEY_ID: 'test',
                AWS_SECRET_ACCESS_KEY: 'test',
                DYNAMODB_ENDPOINT: inject<string>('dynamoUrl'),
                TEST_MIGRATIONS: await readD1Migrations('infra/migrations'),
              },
            },
          })),
        ],
        test: {
          name: 'workerd',
          include: [WORKERD_TESTS],
          globalSetup: ['test/fixtures/dynamo-setup.ts'],
          testTimeout: 30_000,
        },
      },
    ],
  },
})
