/**
 * @file BERT's forward pass in plain float64, written from the papers and not from our graph: what the graph is tested against.
 * Slow and obvious on purpose. Source: Devlin et al. 2019; Vaswani et al. 2017; Hendrycks and Gimpel 2016 (GELU).
 */
import type { Checkpoint } from './checkpoint.ts'

type Matrix = number[][]

/** Unit vector of one text without padding: mean of the last layer's rows, length 1. */
export function referenceEmbedding({ config, tensors }: Checkpoint, ids: readonly number[]): number[] {
  const tensor = (name: string) => tensors.get(name)!.data
  const hidden = config.hidden_size
  const row = (name: string, at: number) => [...tensor(name).slice(at * hidden, (at + 1) * hidden)]
  const dense = (x: Matrix, module: string): Matrix => {
    const weight = tensor(`${module}.weight`)
    const bias = tensor(`${module}.bias`)
    return x.map((values) =>
      [...bias].map((b, out) => values.reduce((sum, v, i) => sum + v * weight[out * values.length + i]!, b)),
    )
  }
  const norm = (x: Matrix, module: string): Matrix =>
    x.map((values) => {
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
      return values.map(
        (v, i) =>
          ((v - mean) / Math.sqrt(variance + config.layer_norm_eps)) * tensor(`${module}.weight`)[i]! +
          tensor(`${module}.bias`)[i]!,
      )
    })
  const add = (a: Matrix, b: Matrix): Matrix => a.map((values, r) => values.map((v, i) => v + b[r]![i]!))

  let x = ids.map((id, position) => {
    const [word, place, type] = [
      row('embeddings.word_embeddings.weight', id),
      row('embeddings.position_embeddings.weight', position),
      row('embeddings.token_type_embeddings.weight', 0),
    ]
    return word.map((v, i) => v + place[i]! + type[i]!)
  })
  x = norm(x, 'embeddings.LayerNorm')
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `encoder.layer.${layer}`
    const attended = attention(x, config.num_attention_heads, (part) =>
      dense(x, `${at}.attention.self.${part}`),
    )
    x = norm(add(x, dense(attended, `${at}.attention.output.dense`)), `${at}.attention.output.LayerNorm`)
    const inner = dense(x, `${at}.intermediate.dense`).map((values) => values.map(gelu))
    x = norm(add(x, dense(inner, `${at}.output.dense`)), `${at}.output.LayerNorm`)
  }
  const mean = x[0]!.map((_, i) => x.reduce((sum, values) => sum + values[i]!, 0) / x.length)
  const length = Math.hypot(...mean)
  return mean.map((v) => v / length)
}

function attention(x: Matrix, heads: number, project: (part: 'query' | 'key' | 'value') => Matrix): Matrix {
  const [query, key, value] = [project('query'), project('key'), project('value')]
  const size = x[0]!.length / heads
  return x.map((_, from) =>
    Array.from({ length: heads }, (_unused, head) => {
      const part = (values: number[]) => values.slice(head * size, (head + 1) * size)
      const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0)
      const scores = key.map((values) => dot(part(query[from]!), part(values)) / Math.sqrt(size))
      const largest = Math.max(...scores)
      const weights = scores.map((score) => Math.exp(score - largest))
      const total = weights.reduce((sum, w) => sum + w, 0)
      return part(value[0]!).map((_v, i) =>
        weights.reduce((sum, w, to) => sum + (w / total) * part(value[to]!)[i]!, 0),
      )
    }).flat(),
  )
}

const gelu = (x: number): number => (x * (1 + erf(x / Math.SQRT2))) / 2

/** Error function by its Taylor series: |x| stays small here, and the series is exact to 1e-12 below 4. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x) * (1 - 1.5e-8)
  let term = x
  let sum = x
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
