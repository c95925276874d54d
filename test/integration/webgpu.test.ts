/**
 * @file The WebGPU plan on a real WebGPU: SwiftShader, a Vulkan driver that computes on the CPU, which comes with the browser
 * of the page tests. A GPU it is not; what it computes and where it copies is what a GPU's driver would do.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DeviceReport, passes } from '../bench/device.ts'

const ARCHIVE = 'node_modules/@sparticuz/chromium/bin/swiftshader.tar.br'
const isPossible = process.platform === 'linux' && process.arch === 'x64' && existsSync(ARCHIVE)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aisle-vulkan-'))
  if (isPossible)
    spawnSync('tar', ['-x', '-C', folder], { input: brotliDecompressSync(readFileSync(ARCHIVE)) })
})
afterAll(() => rmSync(folder, { recursive: true }))

it.skipIf(!isPossible)(
  'trains and encodes as the CPU does, its state never leaving the GPU buffers',
  () => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['test/bench/device.ts', '--smoke', '--json', '--provider', 'webgpu'],
      {
        encoding: 'utf8',
        // The loader of shared libraries reads its path when a process starts.
        env: {
          ...process.env,
          VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
          LD_LIBRARY_PATH: folder,
        },
      },
    )
    expect(stdout, stderr).not.toBe('')
    const report = JSON.parse(stdout) as DeviceReport
    const webgpu = report.columns.find(({ arm }) => arm === 'webgpu')!
    expect(webgpu.error).toBeNull()
    expect(webgpu.loss!.difference.value).toBeLessThan(1e-5)
    expect(webgpu.copiesToHost).toEqual({ value: 0, bar: 0, passes: true })
    expect(passes(report)).toBe(true)
  },
  180_000,
)
