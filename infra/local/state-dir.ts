/** @file The state folder: one stack at a time, its keys and secrets, and who was running when the machine went down. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../shared/lib/sha256.ts'
import { identify, isSame, type ProcessIdentity } from './processes.ts'

export type Keys = { public: string; secret: string }
export type Secrets = {
  pseudonymSecret: string
  queueToken: string
  s3AccessKeyId: string
  s3SecretAccessKey: string
}
type Lock = { owner: ProcessIdentity; children: ProcessIdentity[] }

export type StateDir = {
  path: string
  keys: Keys
  secrets: Secrets
  /** Write down the processes that must not outlive this one. */
  record(children: readonly number[]): void
  /** Give the folder free again. */
  release(): void
}

/**
 * Take the folder. Throws when a live stack has it. What a killed stack left behind is stopped first: a process is only
 * signalled when it has the number and the start time that were written down.
 */
export function openStateDir(path: string): StateDir {
  mkdirSync(path, { recursive: true })
  const lockFile = join(path, 'lock.json')
  const previous = readJson<Lock>(lockFile)
  if (previous) {
    if (isSame(previous.owner) && previous.owner.pid !== process.pid)
      throw new Error(
        `The state folder "${path}" is in use by process ${previous.owner.pid}: stop it first, or choose another with --state.`,
      )
    for (const child of previous.children) if (isSame(child)) process.kill(child.pid, 'SIGKILL')
  }
  const owner = identify(process.pid)
  const write = (children: ProcessIdentity[]) => writeJson(lockFile, { owner, children } satisfies Lock)
  write([])
  return {
    path,
    keys: readOrCreate(join(path, 'keys.json'), () => ({
      public: `aisle_public_${token()}`,
      secret: `aisle_secret_${token()}`,
    })),
    secrets: readOrCreate(join(path, 'secrets.json'), () => ({
      pseudonymSecret: token(),
      queueToken: token(),
      s3AccessKeyId: token().slice(0, 16),
      s3SecretAccessKey: token(),
    })),
    record: (children) => write(children.map(identify)),
    release: () => rmSync(lockFile, { force: true }),
  }
}

export const keyRows = async (keys: Keys) => [
  { keyHash: await sha256Hex(keys.public), keyId: 'local-public', scope: 'public' as const },
  { keyHash: await sha256Hex(keys.secret), keyId: 'local-secret', scope: 'secret' as const },
]

const token = () => randomBytes(24).toString('base64url').replace(/[-_]/g, 'x')

function readOrCreate<T>(file: string, create: () => T): T {
  const held = readJson<T>(file)
  if (held) return held
  const made = create()
  writeJson(file, made)
  return made
}

/** A file that a kill cut off half-way counts as absent. */
function readJson<T>(file: string): T | null {
  if (!existsSync(file)) return null
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return null
  }
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
