/** @file The rules of this folder: what items lack, told from what others have. Their findings are named `imputed-…`. */
import type { CatalogueRule } from '../catalogue-rule.ts'
import { missingCategory } from './category.ts'
import { namedTraits } from './named-traits.ts'
import { siblingNumbers } from './sibling-numbers.ts'

export const IMPUTE_RULES: readonly CatalogueRule[] = [missingCategory, namedTraits, siblingNumbers]
