/**
 * @file Where a Worker's CPU time goes: a sampling profile of the isolate, taken over workerd's inspector and told as text.
 * Source: Chrome DevTools Protocol, domain Profiler.
 */
import { bundleLines } from './bundle-lines.ts'

const SAMPLE_MICROSECONDS = 500
const CALL_MS_MAX = 30_000
/** Not of the Worker: waiting, and what V8 does beside its code. */
const OUTSIDE = new Set(['(idle)'])

type Node = {
  id: number
  callFrame: { functionName: string; url: string; lineNumber: number }
  children?: number[]
}
export type CpuProfile = { nodes: Node[]; samples: number[] }
/** Share of the samples in which the isolate was busy, (0, 1]. */
export type Share = { name: string; share: number }

/** @returns ends the profile and gives it */
export async function startProfile(
  inspectorUrl: string,
  isolate: string,
): Promise<() => Promise<CpuProfile>> {
  const targets = (await (await fetch(`${inspectorUrl}/json`)).json()) as {
    id: string
    webSocketDebuggerUrl: string
  }[]
  const target = targets.find(({ id }) => id === isolate)
  if (!target) throw new Error(`no isolate ${isolate}; there are: ${targets.map(({ id }) => id).join(', ')}`)
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve()
    socket.onerror = () => reject(new Error('the inspector refuses a connection'))
  })
  let calls = 0
  const call = (method: string, params = {}) =>
    new Promise<{ profile?: CpuProfile }>((resolve, reject) => {
      const id = ++calls
      const timer = setTimeout(() => reject(new Error(`${method} was not answered`)), CALL_MS_MAX)
      const listen = ({ data }: MessageEvent<string>) => {
        const reply = JSON.parse(data) as { id?: number; result?: { profile?: CpuProfile } }
        if (reply.id !== id) return
        clearTimeout(timer)
        socket.removeEventListener('message', listen)
        resolve(reply.result ?? {})
      }
      socket.addEventListener('message', listen)
      socket.send(JSON.stringify({ id, method, params }))
    })
  await call('Profiler.enable')
  await call('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS })
  await call('Profiler.start')
  return async () => {
    const { profile } = await call('Profiler.stop')
    socket.close()
    if (!profile) throw new Error('the inspector gave no profile')
    return profile
  }
}

/**
 * Time in the code of each source file, and in each function alone, largest first.
 *
 * @param script the text of the Worker's bundle, in which a comment line names the file that what follows is from
 */
export function summarise(
  { nodes, samples }: CpuProfile,
  script: string,
): { files: Share[]; functions: Share[] } {
  const lines = bundleLines(script, 'bundle')
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const files = new Map<string, number>()
  const functions = new Map<string, number>()
  let busy = 0
  for (const sample of samples) {
    const { functionName, url, lineNumber } = byId.get(sample)!.callFrame
    if (OUTSIDE.has(functionName)) continue
    busy++
    const file = url.endsWith('.js')
      ? packageOf(lines[lineNumber] ?? 'bundle')
      : url.startsWith('wasm')
        ? 'WebAssembly'
        : 'workerd and V8'
    const name = `${functionName || 'anonymous'} (${file})`
    files.set(file, (files.get(file) ?? 0) + 1)
    functions.set(name, (functions.get(name) ?? 0) + 1)
  }
  const sorted = (counts: Map<string, number>) =>
    [...counts].map(([name, count]) => ({ name, share: count / busy })).sort((a, b) => b.share - a.share)
  return { files: sorted(files), functions: sorted(functions) }
}

/** A package is one file here: nobody mends its insides. */
const packageOf = (file: string): string =>
  /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules)/.exec(file)?.[1] ?? file
