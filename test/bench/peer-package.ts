/**
 * @file The libraries that a user would pick instead, for benchmarks beside them. They are a package of their own, `test/bench/peers`, that
 * only the benchmarks install: some of them are native, and nobody else should wait for that. Their types are not installed with ours.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const PACKAGE = join(import.meta.dirname, 'peers')

export const arePeersInstalled = (): boolean => existsSync(join(PACKAGE, 'node_modules'))

/** As the lockfile says; needs a compiler where a library brings no build for this platform. */
export function installPeers(): void {
  if (arePeersInstalled()) return
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts=false'], {
    cwd: PACKAGE,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

export const loadPeer = <T>(name: string): T => createRequire(join(PACKAGE, 'package.json'))(name) as T
