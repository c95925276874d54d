/** @file The last line of a test run in one fixed form, for people and for machines: `N passed, M failed, K skipped`. */
import type { Reporter, TestModule } from 'vitest/node'

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++
      // A file that cannot be loaded has no tests to count, and is a failure all the same.
      if (module.errors().length > 0) counts.failed++
    }
    const failed = counts.failed + counts.pending + unhandledErrors.length
    console.log(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`)
  }
}
