/** @file `npm run bench`: every benchmark at full size, one after the other, each in a fresh process. `--json` is handed on. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const BENCHMARKS = ['encode.ts', 'main-job.ts', 'device.ts']

const asked = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const flags = process.argv.slice(2).filter((word) => word.startsWith('-'))
const chosen = BENCHMARKS.filter((file) => asked.length === 0 || asked.some((name) => file.startsWith(name)))
if (chosen.length === 0) {
  console.error(
    `No such benchmark. There are: ${BENCHMARKS.map((file) => file.replace('.ts', '')).join(', ')}.`,
  )
  process.exit(1)
}
for (const file of chosen) {
  if (!flags.includes('--json')) console.log(`\n# ${file.replace('.ts', '')}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file), ...flags], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
