/** @file One spelling for a brand, so that a filter or a facet does not see "SAMSUNG", "samsung" and "Samsung". */

/** Brands whose own spelling the general rule below would miss; key = lower case. */
const USUAL = new Map(
  (
    'Dell Sony Acer Bose Lego Nike Puma ASUS HP LG MSI TP-Link D-Link iRobot eufy HyperX ViewSonic BenQ SanDisk ' +
    'StarTech.com LevelOne JBL DeWalt WD QNAP OPPO vivo OnePlus AEG SMEG IKEA JVC AOC NETGEAR BIC DYMO'
  )
    .split(' ')
    .map((name) => [name.toLowerCase(), name]),
)

/**
 * Usual case of a brand. Mixed case is the shop's own choice and stays; shouting words of five letters or more and
 * whole lower-case names are capitalised; up to four capitals (or three small letters) are taken for an abbreviation.
 * Doing it twice changes nothing.
 */
export function normaliseBrand(brand: string): string {
  const usual = USUAL.get(brand.toLowerCase())
  if (usual !== undefined) return usual
  const upper = brand.toUpperCase()
  const lower = brand.toLowerCase()
  if (upper === lower || (brand !== upper && brand !== lower)) return brand
  if (brand === lower && brand.length <= 3) return upper.normalize('NFKC')
  const capitalised = brand.replace(/[\p{L}\p{M}\p{N}'’]+/gu, (word) => {
    if (brand === upper && word.length <= 4) return word
    const [initial, ...rest] = word
    return initial!.toUpperCase() + rest.join('').toLowerCase()
  })
  // A change of case may take a letter apart ("ΐ" has no capital in one piece).
  return capitalised.normalize('NFKC')
}
