/** @file The rules of this folder that learn from the catalogue. */
import type { CatalogueRule } from '../catalogue-rule.ts'
import { numberOutliers } from './numbers.ts'

export const OUTLIER_RULES: readonly CatalogueRule[] = [numberOutliers]
