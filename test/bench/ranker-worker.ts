/** @file The Worker of `ranker.ts`: a ranker in ONNX Runtime as the edge runs it. The first call brings the model, all say how many runs. */
import { createOrtSession } from '../../functions/ranking/ort-session.ts'
import { createOnnxRanker } from '../../functions/ranking/ranker.ts'
import { createRandom } from '../../shared/lib/random.ts'
import { RANK_FEATURES, RANK_FEATURES_MAX } from '../../shared/schema/rank-features.ts'

let ranker: ReturnType<typeof createOnnxRanker> | undefined

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url)
    const [runs, rows] = [Number(searchParams.get('runs')), Number(searchParams.get('rows'))]
    const model = await request.arrayBuffer()
    ranker ??= createOnnxRanker(await createOrtSession(new Uint8Array(model)), {
      features: [...RANK_FEATURES],
    })
    const random = createRandom(rows)
    const features = Float32Array.from({ length: rows * RANK_FEATURES_MAX }, random)
    let checksum = 0
    for (let run = 0; run < runs; run++) checksum += (await ranker.score(features, rows))[0]!
    return Response.json({ checksum })
  },
} satisfies ExportedHandler
