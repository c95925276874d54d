/** @file Keeps one GPU-worker process running: starts it again when it ends or stops beating. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { PROJECT_ROOT } from './bundle.ts'

const RESTART_MS_MIN = 200
const RESTART_MS_MAX = 10_000
/** A process that lives this long has recovered; the next restart is quick again. */
const STABLE_MS = 20_000
/** Beats come from the main thread each second; encoding runs elsewhere, so that silence means trouble. */
const SILENCE_MS_MAX = 20_000
const STOP_MS_MAX = 5_000

export type Beat = {
  healthPort: number
  state: string
  jobsDone: number
  itemsEncoded: number
  modelId: string | null
}
export type Supervised = {
  pid(): number | undefined
  /** Of the last beat; undefined before the first. */
  beat(): Beat | undefined
  kill(): Promise<void>
  stop(): Promise<void>
}
type Options = {
  env: Record<string, string>
  onLog(line: string): void
  /** Called with each new process. */
  onStart(): void
}

export function superviseWorker({ env, onLog, onStart }: Options): Supervised {
  let child: ChildProcess | null = null
  let beat: Beat | undefined
  let lastBeatMs = 0
  let startedMs = 0
  let restartMs = RESTART_MS_MIN
  let stopping = false
  let restart: NodeJS.Timeout | undefined

  const start = () => {
    const own = fork(join(PROJECT_ROOT, 'gpu-worker/index.ts'), [], {
      cwd: PROJECT_ROOT,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    child = own
    startedMs = Date.now()
    lastBeatMs = startedMs
    for (const stream of [own.stdout, own.stderr])
      stream?.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString('utf8').split('\n')) if (line !== '') onLog(line)
      })
    own.on('message', (message: { type?: string }) => {
      if (message.type !== 'beat') return
      lastBeatMs = Date.now()
      beat = message as unknown as Beat
    })
    own.once('exit', (code, signal) => {
      if (child === own) child = null
      if (stopping) return
      if (Date.now() - startedMs > STABLE_MS) restartMs = RESTART_MS_MIN
      onLog(`worker ended (${signal ?? `code ${code}`}); starting it again`)
      restart = setTimeout(start, restartMs)
      restartMs = Math.min(RESTART_MS_MAX, restartMs * 2)
    })
    onStart()
  }
  const watch = setInterval(() => {
    if (child && Date.now() - lastBeatMs > SILENCE_MS_MAX) child.kill('SIGKILL')
  }, 1_000)

  const ended = (own: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (own.exitCode !== null || own.signalCode !== null) resolve()
      else own.once('exit', () => resolve())
    })
  start()
  return {
    pid: () => child?.pid,
    beat: () => beat,
    async kill() {
      const own = child
      if (!own) return
      own.kill('SIGKILL')
      await ended(own)
    },
    async stop() {
      stopping = true
      clearInterval(watch)
      clearTimeout(restart)
      const own = child
      if (!own) return
      own.kill('SIGTERM')
      const force = setTimeout(() => own.kill('SIGKILL'), STOP_MS_MAX)
      await ended(own)
      clearTimeout(force)
    },
  }
}
