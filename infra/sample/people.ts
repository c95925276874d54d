/** @file The named shoppers of the sample shop: whom the console's page lets one shop as. */

export type Person = {
  name: string
  /** Shown beside the name. */
  taste: string
  /** Prefixes of the favourite kinds, see `departments.ts`. */
  favourites: string[]
  /** Where on the price scale of a kind this person buys: 0 cheapest, 1 dearest. */
  priceLevel: number
}

export const PEOPLE: Person[] = [
  { name: 'Ada', taste: 'runs and cooks', favourites: ['run', 'ckw', 'sok'], priceLevel: 0.6 },
  { name: 'Bela', taste: 'coffee first, then novels', favourites: ['cof', 'bns', 'nov'], priceLevel: 0.8 },
  { name: 'Chen', taste: '喜欢喝茶和跑步', favourites: ['zcy', 'zbw', 'zxz'], priceLevel: 0.5 },
  { name: 'Dora', taste: 'yoga and skin care', favourites: ['yog', 'ygb', 'skn'], priceLevel: 0.7 },
  { name: 'Emil', taste: 'works from home', favourites: ['lap', 'mon', 'key'], priceLevel: 0.8 },
  { name: 'Fatima', taste: 'prints, reads and bakes', favourites: ['prn', 'ink', 'ckb'], priceLevel: 0.4 },
  { name: 'Goran', taste: 'loud music outdoors', favourites: ['spk', 'hph', 'tnt'], priceLevel: 0.5 },
  { name: 'Hanna', taste: 'two dogs and a garden lamp', favourites: ['dog', 'dgf', 'lmp'], priceLevel: 0.5 },
  { name: 'Ivo', taste: 'cycles in all weather', favourites: ['bik', 'jkt', 'btl'], priceLevel: 0.7 },
  { name: 'Jun', taste: '数码和家居好物', favourites: ['zyx', 'ztd', 'zsj'], priceLevel: 0.3 },
  { name: 'Kira', taste: 'gifts for small children', favourites: ['plu', 'bld', 'brd'], priceLevel: 0.4 },
  { name: 'Luis', taste: 'always a new phone case', favourites: ['cas', 'chg', 'tsh'], priceLevel: 0.2 },
]
