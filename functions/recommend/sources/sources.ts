/** @file The sources of candidates by name. */
import { againSource } from './again.ts'
import { arrivalSource } from './arrivals.ts'
import { neighbourSource } from './neighbours.ts'
import { saleSource } from './sale.ts'
import { shelfSource } from './shelf.ts'
import type { CandidateSource } from './source.ts'
import { trendingSource } from './trending.ts'
import { vectorSource } from './vector.ts'

export const SOURCES = {
  vector: vectorSource,
  neighbours: neighbourSource,
  shelf: shelfSource,
  trending: trendingSource,
  arrivals: arrivalSource,
  again: againSource,
  sale: saleSource,
} satisfies Record<string, CandidateSource>
export type SourceName = keyof typeof SOURCES
