/** @file `GET /v1/status`: what an operator wants to know at a glance. */
import { createRoute } from '@hono/zod-openapi'
import { StatusReply } from '../../shared/schema/replies.ts'
import { createApp } from '../http/app.ts'
import { jsonReply, keyProblems, SECRET } from '../http/openapi.ts'
import type { Faults } from '../ranking/faults.ts'
import type { IndexHolder } from '../ranking/index-holder.ts'
import { waitUntilOf } from '../ranking/wait-until.ts'

export type StatusPorts = {
  counts(): Promise<{ accepted: number; duplicates: number; quarantined: number }>
  backlog(): Promise<{ pendingBatches: number; oldestSeconds: number }>
  deadLetters(): Promise<number>
}

export function statusRoutes(ports: StatusPorts, holder: IndexHolder, faults: Pick<Faults, 'list'>) {
  const app = createApp()
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/status',
      tags: ['Operations'],
      summary: 'Items, index, model, queue',
      description:
        'The index, its resident bytes and the faults since its start are those of the isolate that answers.',
      security: SECRET,
      responses: { 200: jsonReply(StatusReply, 'The state now.'), ...keyProblems() },
    }),
    async (c) => {
      const [index, counts, backlog, deadLetters] = await Promise.all([
        holder.fresh(waitUntilOf(c)),
        ports.counts(),
        ports.backlog(),
        ports.deadLetters(),
      ])
      const manifest = index?.manifest
      const vectors = index?.engine.state()
      return c.json(
        {
          items: { ...counts, searchable: manifest?.placement?.liveCount ?? index?.liveCount ?? 0 },
          index: {
            version: manifest?.version ?? 0,
            publishedAt: manifest?.publishedAt ?? null,
            segments: manifest?.segments.length ?? 0,
            residentBytes: (index?.residentBytes ?? 0) + (vectors?.residentBytes ?? 0),
            kernels: vectors?.kernels ?? null,
            vectorBytes: vectors?.residentBytes ?? 0,
            estimatedRows: vectors?.estimatedRows ?? 0,
            missingRows: vectors?.missingRows ?? 0,
            fault: holder.fault(),
          },
          model: manifest
            ? {
                id: manifest.model.id,
                trained: manifest.model.trained,
                dim: manifest.model.dim,
                layers: manifest.model.layers,
                vectorWeight: manifest.fusion.vectorWeight,
                validatedOn: manifest.fusion.evidence?.queries ?? null,
              }
            : null,
          queue: { ...backlog, deadLetters },
          faults: faults.list(),
        },
        200,
      )
    },
  )
  return app
}
