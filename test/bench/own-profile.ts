/** @file Where the CPU time of this isolate goes: a sampling profile, told as the source files that the time was spent in. */
import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { fileURLToPath } from 'node:url'
import { bundleLines } from './bundle-lines.ts'

const SAMPLE_MICROSECONDS = 100

export type ProfileLine = { ms: number; where: string }

/** @returns ends the profile and tells it, most time first; waiting is not told */
export async function startProfile(): Promise<() => Promise<ProfileLine[]>> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS })
  await session.post('Profiler.start')
  return async () => {
    const { profile } = await session.post('Profiler.stop')
    session.disconnect()
    const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
    const spent = new Map<string, number>()
    const fileOf = filesOf()
    profile.samples?.forEach((id, at) => {
      const { functionName, url, lineNumber } = frames.get(id)!
      if (functionName === '(idle)' || url === 'node:inspector') return
      const where = url ? `${functionName || 'anonymous'}, ${fileOf(url, lineNumber)}` : functionName
      spent.set(where, (spent.get(where) ?? 0) + (profile.timeDeltas?.[at] ?? 0) / 1_000)
    })
    return [...spent].map(([where, ms]) => ({ ms, where })).sort((a, b) => b.ms - a.ms)
  }
}

/** Place in a script → its source file. */
function filesOf(): (url: string, line: number) => string {
  const known = new Map<string, string[]>()
  const read = (url: string) =>
    bundleLines(readFileSync(fileURLToPath(url), 'utf8'), 'bundle').map((file) =>
      file.replace(/^.*node_modules\//, ''),
    )
  return (url, line) => {
    if (url.startsWith('wasm:')) return 'WebAssembly'
    if (url.startsWith('node:')) return url
    if (!url.endsWith('/index.js')) return url.split('/').at(-1)!
    const files = known.get(url) ?? read(url)
    known.set(url, files)
    return files[line]!
  }
}
