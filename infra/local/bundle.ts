/** @file The edge as it is deployed: wrangler's own bundle, kept under a hash of what goes into it. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'

export const PROJECT_ROOT = join(import.meta.dirname, '../..')
const SOURCES = ['functions', 'shared', 'package-lock.json', 'tsconfig.json']

export type BundledModule = {
  type: 'ESModule' | 'CompiledWasm' | 'Text'
  path: string
  contents: string | Uint8Array
}

export const bundleEdge = (): Promise<BundledModule[]> => bundleWorker('functions/index.ts', 'wrangler.toml')

/**
 * Bundle a Worker of this project unless this very source was bundled before. Modules; the entry comes first.
 *
 * @param entry  path of the source from the project's root
 * @param config the same of its wrangler.toml: what that binds, the entry has to export
 */
export async function bundleWorker(entry: string, config: string): Promise<BundledModule[]> {
  const folder = join(PROJECT_ROOT, '.cache/edge', hashOf([...SOURCES, entry, config]))
  if (!existsSync(folder)) await build(entry, config, folder)
  const main = basename(entry).replace(/\.ts$/, '.js')
  const files = readdirSync(folder).filter((name) => !/\.(map|md)$/.test(name))
  return files
    .sort((a, b) => Number(b === main) - Number(a === main))
    .map((name) => {
      const path = join(folder, name)
      if (name === main) return { type: 'ESModule', path: name, contents: readFileSync(path, 'utf8') }
      if (name.endsWith('.wasm')) return { type: 'CompiledWasm', path: name, contents: readFileSync(path) }
      return { type: 'Text', path: name, contents: readFileSync(path, 'utf8') }
    })
}

async function build(entry: string, config: string, folder: string): Promise<void> {
  // Built aside and moved: two stacks may start at once, and a half-written folder must not look like a bundle.
  const draft = `${folder}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  const wrangler = join(PROJECT_ROOT, 'node_modules/wrangler/bin/wrangler.js')
  const words = ['deploy', entry, '--config', config, '--dry-run', '--outdir', draft]
  const child = spawn(process.execPath, [wrangler, ...words], {
    cwd: PROJECT_ROOT,
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_SEND_ERROR_REPORTS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) {
    rmSync(draft, { recursive: true, force: true })
    throw new Error(`The edge could not be bundled:\n${output}`)
  }
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (path: string) => {
    if (/\.(test|md)\.?/.test(path)) return
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(PROJECT_ROOT, path)))
  }
  for (const path of paths) {
    if (path.includes('.')) add(path)
    else
      readdirSync(join(PROJECT_ROOT, path), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(PROJECT_ROOT.length + 1))
        .sort()
        .forEach(add)
  }
  return hash.digest('hex').slice(0, 20)
}
