/** @file Ways to tune few parameters on a frozen base: which tensors each adds, how they start, how they merge. */
import { z } from 'zod'
import type { Checkpoint } from './checkpoint.ts'
import { type BertConfig, layerNames, type ParameterSpec } from './config.ts'
import type { CheckpointTensor } from './safetensors.ts'

/** Suffixes of the modules that LoRA changes unless told otherwise: query and value, as in the paper. */
const LORA_MODULES = ['self.query', 'self.value']

const LowRank = {
  /** r: columns of the two thin factors. */
  rank: z.int().min(1).max(512).default(8),
  /** The update is scaled by alpha / rank. */
  alpha: z.number().positive().default(16),
  /** Ends of module names, e.g. "self.query" or "output.dense". */
  modules: z.array(z.string().min(1)).min(1).default(LORA_MODULES),
}
export const Tuning = z.discriminatedUnion('kind', [
  /** Every weight moves. */
  z.strictObject({ kind: z.literal('full') }),
  /** W + (α/r) B A. Source: Hu et al., LoRA, ICLR 2022. */
  z.strictObject({ kind: z.literal('lora'), ...LowRank }),
  /** W + (α/r) B diag(e) A with a budget of ranks. Source: Zhang et al., AdaLoRA, ICLR 2023. */
  z.strictObject({
    kind: z.literal('adalora'),
    ...LowRank,
    /** Singular values left in the whole model at the end, as a mean per module; `rank` at the start. */
    targetRank: z.int().min(1).default(4),
    /** Weight of ‖A Aᵀ − I‖² + ‖Bᵀ B − I‖². */
    orthogonality: z.number().nonnegative().default(0.1),
  }),
  /** A bottleneck after each sublayer. Source: Houlsby et al., ICML 2019. */
  z.strictObject({ kind: z.literal('adapter'), size: z.int().min(1).default(32) }),
])
export type Tuning = z.infer<typeof Tuning>

export const loraNames = (module: string) => ({
  a: `${module}.lora_A`,
  b: `${module}.lora_B`,
  e: `${module}.lora_E`,
})
/** Module names, without `.weight` and `.bias`. */
export const adapterNames = (module: string) => ({
  down: `${module}.adapter.down`,
  up: `${module}.adapter.up`,
})

export type Module = { name: string; out: number; input: number }

const linearModules = ({ hidden_size: h, intermediate_size: i, num_hidden_layers }: BertConfig): Module[] =>
  Array.from({ length: num_hidden_layers }, (_, layer): Module[] => {
    const names = layerNames(layer)
    return [
      { name: names.query, out: h, input: h },
      { name: names.key, out: h, input: h },
      { name: names.value, out: h, input: h },
      { name: names.attentionOutput, out: h, input: h },
      { name: names.intermediate, out: i, input: h },
      { name: names.output, out: h, input: i },
    ]
  }).flat()

/** The modules that a low-rank tuning changes. */
export const tunedModules = (config: BertConfig, modules: readonly string[]): Module[] =>
  linearModules(config).filter(({ name }) => modules.some((suffix) => name.endsWith(suffix)))

/** Tensors that the tuning adds: at their initial values the model answers as the base does. */
export function tuningSpecs(config: BertConfig, tuning: Tuning): ParameterSpec[] {
  switch (tuning.kind) {
    case 'full':
      return []
    case 'lora':
      return tunedModules(config, tuning.modules).flatMap(({ name, out, input }): ParameterSpec[] => [
        { name: loraNames(name).a, shape: [tuning.rank, input], initial: 'weight' },
        { name: loraNames(name).b, shape: [out, tuning.rank], initial: 'zero' },
      ])
    case 'adalora':
      return tunedModules(config, tuning.modules).flatMap((module) => adaLoraSpecs(module, tuning.rank))
    case 'adapter': {
      const { hidden_size: hidden, num_hidden_layers } = config
      return Array.from({ length: num_hidden_layers }, (_, layer) => layerNames(layer))
        .flatMap(({ attentionOutput, output }) => [attentionOutput, output])
        .flatMap((module): ParameterSpec[] => [
          { name: `${adapterNames(module).down}.weight`, shape: [tuning.size, hidden], initial: 'weight' },
          { name: `${adapterNames(module).down}.bias`, shape: [tuning.size], initial: 'zero' },
          { name: `${adapterNames(module).up}.weight`, shape: [hidden, tuning.size], initial: 'zero' },
          { name: `${adapterNames(module).up}.bias`, shape: [hidden], initial: 'zero' },
        ])
    }
  }
}

/** Of one module with so many ranks: A, the singular values, B. */
export function adaLoraSpecs({ name, out, input }: Module, rank: number): ParameterSpec[] {
  const { a, e, b } = loraNames(name)
  return [
    { name: a, shape: [rank, input], initial: 'weight' },
    { name: e, shape: [rank], initial: 'zero' },
    { name: b, shape: [out, rank], initial: 'weight' },
  ]
}

/**
 * The base with a low-rank delta added in: W + (α/r) B diag(e) A. The result is an ordinary checkpoint and encodes as fast
 * as one. Adapters have a nonlinearity in between and cannot be merged.
 */
export function mergeDelta(
  base: Checkpoint['tensors'],
  delta: ReadonlyMap<string, CheckpointTensor>,
  tuning: Extract<Tuning, { kind: 'lora' | 'adalora' }>,
): Checkpoint['tensors'] {
  const merged = new Map(base)
  for (const [name, { shape, data }] of base) {
    const module = name.replace(/\.weight$/, '')
    const names = loraNames(module)
    const a = delta.get(names.a)
    const b = delta.get(names.b)
    if (!a || !b) continue
    const e = delta.get(names.e)
    const [out, input] = shape as [number, number]
    const sum = Float64Array.from(data)
    for (let k = 0; k < a.shape[0]!; k++) {
      const scale = (tuning.alpha / tuning.rank) * (e ? e.data[k]! : 1)
      if (scale === 0) continue // a rank that AdaLoRA gave up: as if it were not stored at all
      for (let row = 0; row < out; row++) {
        const factor = scale * b.data[row * b.shape[1]! + k]!
        for (let column = 0; column < input; column++)
          sum[row * input + column]! += factor * a.data[k * input + column]!
      }
    }
    merged.set(name, { shape, data: Float32Array.from(sum) })
  }
  return merged
}
