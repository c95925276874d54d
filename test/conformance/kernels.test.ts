/** @file The kernels that are checked in are what their sources compile to. */
import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { describe, expect, it } from 'vitest'

const TARGETS = [
  ['relaxed', 'shared/kernels/relaxed.wasm'],
  ['standard', 'shared/kernels/standard.wasm'],
] as const
/** Of the WebAssembly binary format. */
const DATA_SECTION = 11

/** What `npm run build:kernels` would write. */
async function compile(target: string): Promise<Uint8Array> {
  const written: Uint8Array[] = []
  const { error, stderr } = await asc.main(['--config', 'shared/kernels/asconfig.json', '--target', target], {
    writeFile: (_name, contents) => void written.push(contents as Uint8Array),
  })
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  return written[0]!
}

function sectionsOf(bytes: Uint8Array): number[] {
  const sections: number[] = []
  for (let at = 8; at < bytes.length; ) {
    sections.push(bytes[at++]!)
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      size |= (byte & 127) << shift
      if (byte < 128) break
    }
    at += size
  }
  return sections
}

describe.each(TARGETS)('the %s kernels', (target, file) => {
  it('are what their sources compile to', async () => {
    expect(Buffer.from(await compile(target)).equals(readFileSync(file))).toBe(true)
  })
  it('keep nothing in memory of their own', () => {
    expect(sectionsOf(readFileSync(file))).not.toContain(DATA_SECTION)
  })
})
