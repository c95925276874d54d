/**
 * @file Which providers start on this machine, found out by starting them: each is given a small product to compute. A
 * provider that is there but slower than the CPU (WebGPU on a machine whose only "card" is the CPU itself) is no gain.
 */
import { createGraph } from '../graph/ops.ts'
import { openSession, type Provider } from './session.ts'

export type Finding =
  /** Milliseconds for the product, the fastest of a few. */
  | { provider: Provider; works: true; milliseconds: number }
  /** For a person: what is missing. */
  | { provider: Provider; works: false; reason: string }
export type Choice = { provider: Provider; sentence: string }

/** In the order in which they are wanted. */
export const PROVIDERS: readonly Provider[] = ['cuda', 'webgpu', 'cpu']
/** Rows and columns: 0.3 GFLOP, some 5 ms of a CPU core. */
const SIZE = 512
/** The first run of a GPU compiles; one that takes longer than this is no GPU, and is not asked again. */
const RUNS = 4
const SLOW_MS = 1_000

export const probeProviders = (threads = 1): Promise<Finding[]> =>
  PROVIDERS.reduce<Promise<Finding[]>>(
    async (found, provider) => [...(await found), await probeProvider(provider, threads)],
    Promise.resolve([]),
  )

export async function probeProvider(provider: Provider, threads = 1): Promise<Finding> {
  const g = createGraph('probe')
  const x = g.input('x', 'f32', [SIZE, SIZE])
  g.output(g.reduceSum(g.matMul(x, x), [0, 1]), 'sum')
  const ones = { data: new Float32Array(SIZE * SIZE).fill(1), dims: [SIZE, SIZE] }
  try {
    const session = await openSession(g.toModel(), { threads, provider })
    let milliseconds = Number.POSITIVE_INFINITY
    let sum = 0
    for (let run = 0; run < RUNS && (run < 2 || milliseconds < SLOW_MS); run++) {
      const from = performance.now()
      const results = await session.run({ x: ones })
      milliseconds = Math.min(milliseconds, performance.now() - from)
      sum = results['sum']!.data[0]!
    }
    await session.close()
    return sum === SIZE ** 3
      ? { provider, works: true, milliseconds }
      : { provider, works: false, reason: `its sums are wrong: ${sum} for ${SIZE ** 3}` }
  } catch (error) {
    return { provider, works: false, reason: reasonOf(provider, error) }
  }
}

/**
 * The provider to use. Asked for one by name, that one, or the CPU where it does not start; `auto` takes the fastest that
 * starts, and of two alike the one that comes first in `PROVIDERS`.
 */
export function chooseProvider(wanted: Provider | 'auto', findings: readonly Finding[]): Choice {
  const working = findings.filter((finding) => finding.works)
  const fastest = working.reduce<(typeof working)[number] | null>(
    (best, one) => (best && best.milliseconds <= one.milliseconds ? best : one),
    null,
  )
  const isThere = working.some(({ provider }) => provider === wanted)
  const provider = wanted === 'auto' ? (fastest?.provider ?? 'cpu') : isThere ? wanted : 'cpu'
  const found = findings.map((finding) =>
    finding.works
      ? `${finding.provider} (${finding.milliseconds.toFixed(1)} ms)`
      : `no ${finding.provider} (${finding.reason})`,
  )
  const why =
    wanted === 'auto'
      ? ', the fastest that works'
      : provider === wanted
        ? ' as asked'
        : `: ${wanted} does not work here`
  const list = found.length > 0 ? ` Found: ${found.join('; ')}.` : ''
  return { provider, sentence: `Using ${provider}${why}.${list}` }
}

/** The runtime's messages name source files; these say what to do. */
function reasonOf(provider: Provider, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  if (provider === 'cuda' && /shared library|providers_(cuda|shared)/.test(text))
    return 'its libraries are not installed (npm rebuild onnxruntime-node with ONNXRUNTIME_NODE_INSTALL=cuda12, CUDA 12 and cuDNN 9)'
  if (provider === 'cuda' && /no CUDA-capable device|CUDA failure 100/.test(text)) return 'no NVIDIA card'
  if (provider === 'webgpu' && /adapter/.test(text))
    return 'no graphics card with a Vulkan, Metal or D3D12 driver'
  return text.split('\n')[0]!.slice(0, 200)
}
