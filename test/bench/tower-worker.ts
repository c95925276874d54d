/** @file The Worker of `tower.ts`: a user tower in ONNX Runtime as the edge runs it. The first call brings the model, all say how many runs. */
import { createOrtSession, type OrtSession } from '../../functions/ranking/ort-session.ts'
import { createRandom, gaussian } from '../../shared/lib/random.ts'

let tower: OrtSession | undefined

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url)
    const [runs, items, hidden] = ['runs', 'items', 'hidden'].map((name) => Number(searchParams.get(name)))
    const model = await request.arrayBuffer()
    tower ??= await createOrtSession(new Uint8Array(model))
    const random = createRandom(items!)
    const data = Float32Array.from({ length: items! * hidden! }, () => gaussian(random) / Math.sqrt(hidden!))
    let checksum = 0
    for (let run = 0; run < runs!; run++) {
      const { user } = await tower.run({ items: { data, shape: [1, items!, hidden!] } })
      checksum += user!.reduce((sum, x) => sum + Math.abs(x), 0)
    }
    return Response.json({ checksum })
  },
} satisfies ExportedHandler
