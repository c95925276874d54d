/** @file HTTP surface of the quality report: the newest one as JSON and as a page, and the order for a new one. */
import { createRoute, z } from '@hono/zod-openapi'
import type { Result } from '../../shared/lib/result.ts'
import { renderHtml } from '../../shared/quality/report/render-html.ts'
import { Run } from '../../shared/schema/models.ts'
import type { Problem } from '../../shared/schema/problem.ts'
import { QUALITY_KEY, QualityReport } from '../../shared/schema/quality-report.ts'
import { createApp, problemResponses } from '../http/app.ts'
import { jsonReply, keyProblems, SECRET } from '../http/openapi.ts'
import { ProblemError } from '../http/problem.ts'

type Deps = {
  bucket: Pick<R2Bucket, 'get'>
  /** Ask a worker for a new report. */
  run(): Promise<Result<Run, Problem>>
}

/** The page has its style inside and needs nothing else; a title with mark-up in it stays text. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export function qualityRoutes({ bucket, run }: Deps) {
  const app = createApp()
  const readReport = async (): Promise<QualityReport> => {
    const report = QualityReport.safeParse(await (await bucket.get(QUALITY_KEY))?.json())
    if (report.success) return report.data
    throw new ProblemError({ kind: 'not-found', what: 'quality report yet; POST /v1/quality/run orders one' })
  }
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/quality',
      tags: ['Data quality'],
      summary: 'The newest report on the data of the shop',
      description:
        'Eight checks of the catalogue, what each rule found and what to fix first: `rules` is ordered by gain, the points that the score would rise by if the rule alone were mended on every item.',
      security: SECRET,
      responses: {
        200: jsonReply(QualityReport, 'The report.'),
        ...problemResponses(404),
        ...keyProblems(),
      },
    }),
    async (c) => c.json(await readReport(), 200),
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/quality/report.html',
      tags: ['Data quality'],
      summary: 'The same report as a page',
      description: 'One file without scripts, to be opened, sent or printed.',
      security: SECRET,
      responses: {
        200: { description: 'The page.', content: { 'text/html': { schema: z.string() } } },
        ...problemResponses(404),
        ...keyProblems(),
      },
    }),
    async (c) => c.html(renderHtml(await readReport()), 200, { 'content-security-policy': PAGE_POLICY }),
  )
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/quality/run',
      tags: ['Data quality'],
      summary: 'Order a new report',
      description:
        'A worker reads the whole catalogue as it is published, judges every item, and keeps the report.',
      security: SECRET,
      responses: {
        202: jsonReply(Run, 'The run; look at it under /v1/runs/{id}.'),
        ...problemResponses(502),
        ...keyProblems(),
      },
    }),
    async (c) => {
      const ordered = await run()
      if (!ordered.ok) throw new ProblemError(ordered.error)
      return c.json(ordered.value, 202)
    },
  )
  return app
}
