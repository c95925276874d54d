/**
 * @file What the host may call. `npm run build:kernels` compiles this twice, with and without relaxed SIMD. Pointers are trusted
 * here: the host has checked them (`../kernels.ts`).
 */
export { chooseDpp, chooseMmr } from './diversify'
export { offer, sortHeap } from './heap'
export { rescore, scan, scanFour, scoreRows } from './scan'
export { buildTable, collect, encodeSigns, stepOf } from './signs'
