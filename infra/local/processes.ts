/** @file Facts about processes: which are alive, which are ours. Linux tells through /proc; elsewhere `ps` is asked. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

const ENDED_LOOK_MS = 20
const ENDED_LOOKS_MAX = 100
const HAS_PROC = existsSync('/proc/self/stat')

/** Identity of a process beyond its number, which the system may give to another: the time it was started. */
export type ProcessIdentity = { pid: number; startedAt: string }

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return stateOf(pid) !== 'Z'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export const identify = (pid: number): ProcessIdentity => ({ pid, startedAt: startOf(pid) })

/** Is this very process, not a later one with its number, still there? */
export const isSame = ({ pid, startedAt }: ProcessIdentity): boolean =>
  isAlive(pid) && startOf(pid) === startedAt

/** Wait for the end of a process that was told to end; after a while, make it. */
export async function ensureEnded(pid: number): Promise<void> {
  for (let look = 0; isAlive(pid); look++) {
    if (look === ENDED_LOOKS_MAX) process.kill(pid, 'SIGKILL')
    await wait(ENDED_LOOK_MS)
  }
}

/** Direct children of this process whose program has this name. */
export function childrenNamed(name: string): number[] {
  if (!HAS_PROC) {
    return ps(['-A', '-o', 'pid=,ppid=,comm='])
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, parent, program]) => Number(parent) === process.pid && program?.endsWith(name))
      .map(([pid]) => Number(pid))
  }
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      const stat = readStat(pid)
      return stat !== null && stat.parent === process.pid && stat.program.startsWith(name.slice(0, 15))
    })
}

/** `/proc/[pid]/stat`: pid (program) state ppid … starttime is field 22. Source: proc_pid_stat(5). */
function readStat(pid: number) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const end = text.lastIndexOf(')')
    const fields = text.slice(end + 2).split(' ')
    return {
      program: text.slice(text.indexOf('(') + 1, end),
      state: fields[0]!,
      parent: Number(fields[1]),
      startedAt: fields[19]!,
    }
  } catch {
    return null
  }
}
const stateOf = (pid: number): string => (HAS_PROC ? (readStat(pid)?.state ?? 'Z') : 'R')
const startOf = (pid: number): string =>
  HAS_PROC ? (readStat(pid)?.startedAt ?? '') : ps(['-p', String(pid), '-o', 'lstart=']).trim()

function ps(args: string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8' })
  } catch {
    return ''
  }
}
