/** @file The Worker of `tower.ts`: a user tower in ONNX Runtime as the edge runs it. The first call brings the model, all say how many runs. */
import { createOrtSession } from '../../functions/ranking/ort-session.ts'
import { createOnnxTower } from '../../functions/ranking/tower.ts'
import { createRandom, gaussian } from '../../shared/lib/random.ts'

const POSITIONS = 50
let tower: ReturnType<typeof createOnnxTower> | undefined

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url)
    const [runs, items, hidden] = ['runs', 'items', 'hidden'].map((name) => Number(searchParams.get(name)))
    const model = await request.arrayBuffer()
    tower ??= createOnnxTower(await createOrtSession(new Uint8Array(model)), { positions: POSITIONS })
    const random = createRandom(items!)
    const history = Array.from({ length: items! }, () =>
      Float32Array.from({ length: hidden! }, () => gaussian(random) / Math.sqrt(hidden!)),
    )
    let checksum = 0
    for (let run = 0; run < runs!; run++) checksum += Math.abs((await tower.run(history))[0]!)
    return Response.json({ checksum })
  },
} satisfies ExportedHandler
