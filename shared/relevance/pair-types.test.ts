import { describe, expect, it } from 'vitest'
import { pairTypes } from './pair-types.ts'

describe('pairTypes', () => {
  it('tells query from title, and what both have', () => {
    // [CLS] 7 8 9 [SEP] 8 5 [SEP]
    expect([...pairTypes(Int32Array.of(2, 7, 8, 9, 3, 8, 5, 3), 3)]).toEqual([0, 0, 2, 0, 0, 3, 1, 1])
  })
  it('reads an empty side', () => {
    expect([...pairTypes(Int32Array.of(2, 3, 8, 3), 3)]).toEqual([0, 0, 1, 1])
    expect([...pairTypes(Int32Array.of(2, 8, 3, 3), 3)]).toEqual([0, 0, 0, 1])
  })
})
