/** @file `npm run bench`: every benchmark at full size, one after the other, each in a fresh process. Options are handed on. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const BENCHMARKS = [
  'bots.ts',
  'clean.ts',
  'compression.ts',
  'device.ts',
  'encode.ts',
  'growth.ts',
  'impute.ts',
  'ivf.ts',
  'kernels.ts',
  'lexical.ts',
  'main-job.ts',
  'match.ts',
  'outliers.ts',
  'peers.ts',
  'quality.ts',
  'ranker.ts',
  'sasrec.ts',
  'serve.ts',
  'tokenizer.ts',
  'tower.ts',
  'train.ts',
]

const words = process.argv.slice(2)
// Names come first; from the first option on, a word may be the value of one.
const firstOption = words.findIndex((word) => word.startsWith('-'))
const asked = firstOption < 0 ? words : words.slice(0, firstOption)
const options = words.slice(asked.length)
const chosen = BENCHMARKS.filter((file) => asked.length === 0 || asked.some((name) => file.startsWith(name)))
if (chosen.length === 0) {
  console.error(
    `No such benchmark. There are: ${BENCHMARKS.map((file) => file.replace('.ts', '')).join(', ')}.`,
  )
  process.exit(1)
}
for (const file of chosen) {
  if (!options.includes('--json')) console.log(`\n# ${file.replace('.ts', '')}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file), ...options], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(status ?? 1)
}
