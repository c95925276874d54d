/** @file Keeps the house in order by reading it: import directions, top-level folders, file kinds, migrations. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const SIDES = ['functions', 'gpu-worker', 'shared', 'infra', 'test'] as const

/** Who may import whom: our own folders only. */
const MAY_IMPORT: Record<(typeof SIDES)[number], readonly string[]> = {
  shared: ['shared'],
  functions: ['functions', 'shared'],
  'gpu-worker': ['gpu-worker', 'shared'],
  infra: ['infra', 'shared', 'functions', 'gpu-worker'],
  test: ['test', 'infra', 'shared', 'functions', 'gpu-worker'],
}
/** Folders of `functions` that features may build on; a feature never imports another feature. */
const FOUNDATIONS = ['ranking', 'profile', 'http', 'jobs']
/** Tests may reach into `test/`: contract suites and fixtures. */
const isTest = (file: string) => /\.(test|bench|fuzz)\.tsx?$/.test(file) || file.startsWith('test/')

const listFiles = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
const sources = SIDES.flatMap(listFiles).filter(
  (file) => /\.tsx?$/.test(file) && !file.includes('node_modules'),
)

const importsOf = (file: string): string[] => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [
    ...text.matchAll(
      /^\s*(?:import|export)\b[^'"\n]*?(?:from\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm,
    ),
  ]
    .map((match) => (match[1] ?? match[2])!)
    .concat([...text.matchAll(/^\}\s*from\s*['"]([^'"]+)['"]/gm)].map((match) => match[1]!))
}
const ownImportsOf = (file: string): string[] =>
  importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)))

describe('the tree', () => {
  it('has only the listed folders at the top', () => {
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
    const known = [...SIDES, 'node_modules', 'dist', 'coverage']
    expect(folders.filter((name) => !known.includes(name))).toEqual([])
  })

  it('imports in the permitted directions only', () => {
    const wrong = sources.flatMap((file) => {
      const side = file.split('/')[0] as (typeof SIDES)[number]
      return ownImportsOf(file)
        .filter((target) => {
          const top = target.split('/')[0]!
          if (isTest(file) && top === 'test') return false
          return SIDES.includes(top as never) && !MAY_IMPORT[side].includes(top)
        })
        .map((target) => `${file} → ${target}`)
    })
    expect(wrong).toEqual([])
  })

  it('keeps features of the edge apart', () => {
    const featureOf = (file: string) => (file.split('/').length > 2 ? file.split('/')[1]! : '')
    const wrong = sources
      .filter((file) => file.startsWith('functions/') && featureOf(file) && !isTest(file))
      .filter((file) => featureOf(file) !== 'jobs') // consumers join features, as the composition root does
      .flatMap((file) =>
        ownImportsOf(file)
          .filter((target) => target.startsWith('functions/') && featureOf(target) !== '')
          .filter(
            (target) => featureOf(target) !== featureOf(file) && !FOUNDATIONS.includes(featureOf(target)),
          )
          .map((target) => `${file} → ${target}`),
      )
    expect(wrong).toEqual([])
  })

  it('lets one file alone import onnxruntime-node', () => {
    const importers = sources.filter((file) => !isTest(file) && importsOf(file).includes('onnxruntime-node'))
    expect(importers).toEqual(['gpu-worker/runtime/session.ts'])
  })

  it('keeps platform APIs out of shared', () => {
    const wrong = sources
      .filter((file) => file.startsWith('shared/') && !isTest(file))
      .filter((file) =>
        importsOf(file).some((name) => name.startsWith('node:') || name.startsWith('cloudflare:')),
      )
    expect(wrong).toEqual([])
  })

  it('has no file that nothing reaches', () => {
    const roots = [
      'functions/index.ts',
      'gpu-worker/index.ts',
      'infra/cli/aisle.ts',
      ...sources.filter(isTest),
      // Compiled to WebAssembly by `npm run build:kernels`.
      ...sources.filter((file) => file.startsWith('shared/kernels/assembly/')),
      // Loaded by path, not by import: bundled for workerd, or started as a thread.
      ...sources.filter((file) => /(worker|train)-thread\.ts$|\.d\.ts$/.test(file)),
    ]
    const reached = new Set<string>()
    const visit = (file: string) => {
      if (reached.has(file) || !sources.includes(file)) return
      reached.add(file)
      ownImportsOf(file).forEach(visit)
    }
    roots.forEach(visit)
    expect(sources.filter((file) => !reached.has(file))).toEqual([])
  })

  it('numbers migrations without a gap', () => {
    const numbers = readdirSync(join(ROOT, 'infra/migrations')).map((name) =>
      Number(/^(\d{4})_[a-z_]+\.sql$/.exec(name)?.[1]),
    )
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  })
})
