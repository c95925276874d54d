/**
 * @file What speaks for and against two records being the same thing, as numbers. Groups: words of the whole record and of
 * its title (TF-IDF cosine, weighted overlap both ways, what is left over), codes, measures, amounts, and each column
 * against its like and against the whole other record, which finds a value that slipped into another column.
 */
import type { Corpus, RecordSide, TextSide } from './corpus.ts'
import { commonStart, countShared, jaroWinkler, levenshteinLikeness, wordLikeness } from './likeness.ts'

export type Features = Record<string, number>

/** In place of a likeness where one of the two is missing. */
const MISSING = -1
/** Shorter words are found in anything. */
const INSIDE_CHARS_MIN = 4

export function featuresOf(corpus: Corpus, a: RecordSide, b: RecordSide): Features {
  return {
    ...wholeRecords(corpus, a, b),
    ...titles(corpus, a, b),
    ...codes(corpus, a, b),
    ...measures(a, b),
    ...amounts(a, b),
    ...columnsApart(corpus, a, b),
    ...columnsAligned(corpus, a, b),
  }
}

export const featureRow = (names: readonly string[], features: Features): Float32Array =>
  Float32Array.from(names, (name) => features[name]!)

/** Cosine of TF-IDF vectors, a word counted once. Source: Salton and Buckley, IP&M 24(5), 1988. */
export function wordCosine({ idf }: Corpus, a: TextSide, b: TextSide): number {
  return sharedSquares(a.words, b.words, idf) / Math.max(1e-9, a.norm * b.norm)
}
export function trigramCosine({ trigramIdf }: Corpus, a: TextSide, b: TextSide): number {
  return sharedSquares(a.trigrams, b.trigrams, trigramIdf) / Math.max(1e-9, a.trigramNorm * b.trigramNorm)
}

function sharedSquares(a: Uint32Array, b: Uint32Array, idf: Float64Array): number {
  let sum = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      sum += idf[a[i]!]! ** 2
      i++
      j++
    } else if (a[i]! < b[j]!) i++
    else j++
  }
  return sum
}

type Coverage = {
  /** Σ idf · likeness of the best counterpart / Σ idf. */
  share: number
  /** idf of the words without a counterpart: the rarest, the second rarest, all. */
  leftMax: number
  leftSecond: number
  leftSum: number
  leftCount: number
  /** The rarest word that has one. */
  metMax: number
}

/**
 * How much of what one text says the other says too, in the same or nearly the same words.
 *
 * Source: Monge and Elkan, KDD 1996, weighted as the soft TF-IDF of Cohen, Ravikumar and Fienberg, IIWeb 2003.
 */
export function coverageOf({ idf, words }: Corpus, a: TextSide, b: TextSide): Coverage {
  const coverage = { share: 0, leftMax: 0, leftSecond: 0, leftSum: 0, leftCount: 0, metMax: 0 }
  let whole = 0
  let met = 0
  for (const word of a.order) {
    const weight = idf[word]!
    const likeness = bestCounterpart(words, word, b)
    whole += weight
    met += weight * likeness
    if (likeness > 0) coverage.metMax = Math.max(coverage.metMax, weight)
    else {
      coverage.leftCount++
      coverage.leftSum += weight
      if (weight > coverage.leftMax) {
        coverage.leftSecond = coverage.leftMax
        coverage.leftMax = weight
      } else if (weight > coverage.leftSecond) coverage.leftSecond = weight
    }
  }
  coverage.share = whole === 0 ? MISSING : met / whole
  return coverage
}

function bestCounterpart(words: readonly string[], word: number, b: TextSide): number {
  if (hasNumber(b.words, word)) return 1
  const text = words[word]!
  if (text.length >= INSIDE_CHARS_MIN && b.squashed.includes(text)) return 0.95
  let best = 0
  for (const other of b.order) {
    const candidate = words[other]!
    if (candidate.charCodeAt(0) !== text.charCodeAt(0)) continue
    best = Math.max(best, wordLikeness(text, candidate))
  }
  return best
}

function hasNumber(rising: Uint32Array, wanted: number): boolean {
  let low = 0
  let high = rising.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (rising[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return rising[low] === wanted
}

function wholeRecords(corpus: Corpus, a: RecordSide, b: RecordSide): Features {
  const there = coverageOf(corpus, a.whole, b.whole)
  const back = coverageOf(corpus, b.whole, a.whole)
  return {
    wholeCosine: wordCosine(corpus, a.whole, b.whole),
    wholeTrigrams: trigramCosine(corpus, a.whole, b.whole),
    wholeThere: there.share,
    wholeBack: back.share,
    wholeMin: Math.min(there.share, back.share),
    wholeMax: Math.max(there.share, back.share),
    wholeMet: Math.max(there.metMax, back.metMax),
    wholeLeftThere: there.leftMax,
    wholeLeftBack: back.leftMax,
    wholeWordsA: a.whole.words.length,
    wholeWordsB: b.whole.words.length,
  }
}

function titles(corpus: Corpus, a: RecordSide, b: RecordSide): Features {
  const there = coverageOf(corpus, a.title, b.title)
  const back = coverageOf(corpus, b.title, a.title)
  const toWhole = coverageOf(corpus, a.title, b.whole)
  const backToWhole = coverageOf(corpus, b.title, a.whole)
  return {
    titleCosine: wordCosine(corpus, a.title, b.title),
    titleTrigrams: trigramCosine(corpus, a.title, b.title),
    titleJaccard: jaccard(a.title.words, b.title.words),
    titleThere: there.share,
    titleBack: back.share,
    titleMin: Math.min(there.share, back.share),
    titleMax: Math.max(there.share, back.share),
    titleMean: (there.share + back.share) / 2,
    titleLeftThere: there.leftMax,
    titleLeftBack: back.leftMax,
    titleLeftMin: Math.min(there.leftMax, back.leftMax),
    titleLeftBoth: Math.max(there.leftMax, back.leftMax),
    titleSecondThere: there.leftSecond,
    titleSecondBack: back.leftSecond,
    titleSumThere: there.leftSum,
    titleSumBack: back.leftSum,
    titleCountThere: there.leftCount,
    titleCountBack: back.leftCount,
    titleMet: Math.max(there.metMax, back.metMax),
    titleInWhole: toWhole.share,
    titleInWholeBack: backToWhole.share,
    titleInWholeMin: Math.min(toWhole.share, backToWhole.share),
    titleInWholeLeft: toWhole.leftMax,
    titleInWholeLeftBack: backToWhole.leftMax,
    titleInWholeLeftSum: toWhole.leftSum,
    titleInWholeLeftSumBack: backToWhole.leftSum,
    titleWordsA: a.title.words.length,
    titleWordsB: b.title.words.length,
    titleStart: commonStart(a.title.squashed, b.title.squashed),
    titleJaroWinkler: jaroWinkler(a.title.text, b.title.text),
    titleEdits: levenshteinLikeness(a.title.text, b.title.text),
  }
}

const jaccard = (a: Uint32Array, b: Uint32Array): number => {
  const shared = countShared(a, b)
  return a.length + b.length === 0 ? MISSING : shared / (a.length + b.length - shared)
}

/** Model and part numbers: the same, one inside the other, or at odds. */
function codes(corpus: Corpus, a: RecordSide, b: RecordSide): Features {
  const there = codesMet(corpus, a.title.codes, b.whole)
  const back = codesMet(corpus, b.title.codes, a.whole)
  const wholeThere = codesMet(corpus, a.whole.codes, b.whole)
  const wholeBack = codesMet(corpus, b.whole.codes, a.whole)
  const best = bestCodes(a.title.codes, b.title.codes)
  const [mainA, mainB] = [mainCode(corpus, a.title.codes), mainCode(corpus, b.title.codes)]
  const hasBoth = mainA !== '' && mainB !== ''
  return {
    codesA: a.title.codes.length,
    codesB: b.title.codes.length,
    codesThere: there.share,
    codesBack: back.share,
    codesMetLength: Math.max(there.length, back.length),
    codesMetRarity: Math.max(there.rarity, back.rarity),
    codesAnyThere: wholeThere.share,
    codesAnyBack: wholeBack.share,
    codesAnyLength: Math.max(wholeThere.length, wholeBack.length),
    codesAnyRarity: Math.max(wholeThere.rarity, wholeBack.rarity),
    codesConflict: hasBoth && there.length === 0 && back.length === 0 ? 1 : 0,
    codesLikeness: hasBoth ? best.likeness : MISSING,
    codesStart: hasBoth ? best.start : MISSING,
    mainCodes: hasBoth ? jaroWinkler(mainA, mainB) : MISSING,
    mainCodeThere: mainA === '' ? MISSING : b.whole.squashed.includes(mainA) ? 1 : 0,
    mainCodeBack: mainB === '' ? MISSING : a.whole.squashed.includes(mainB) ? 1 : 0,
  }
}

function codesMet({ codeCounts, size }: Corpus, own: readonly string[], other: TextSide) {
  let met = 0
  let length = 0
  let rarity = 0
  for (const code of own) {
    if (!other.codes.includes(code) && !(code.length >= INSIDE_CHARS_MIN && other.squashed.includes(code)))
      continue
    met++
    length = Math.max(length, code.length)
    rarity = Math.max(rarity, Math.log(1 + size / (codeCounts.get(code) ?? 1)))
  }
  return { share: own.length === 0 ? MISSING : met / own.length, length, rarity }
}

function bestCodes(a: readonly string[], b: readonly string[]) {
  let likeness = 0
  let start = 0
  for (const one of a)
    for (const other of b) {
      likeness = Math.max(likeness, jaroWinkler(one, other))
      start = Math.max(start, commonStart(one, other) / Math.max(one.length, other.length))
    }
  return { likeness, start }
}

/** The rarest code, of equally rare ones the longest. */
const mainCode = ({ codeCounts }: Corpus, own: readonly string[]): string =>
  own.reduce((best, code) => {
    if (best === '') return code
    const rarer = (codeCounts.get(best) ?? 0) - (codeCounts.get(code) ?? 0)
    return rarer > 0 || (rarer === 0 && code.length > best.length) ? code : best
  }, '')

/** Sizes, capacities, versions and counts. */
function measures(a: RecordSide, b: RecordSide): Features {
  const title = compareMeasures(a.title, b.title)
  const whole = compareMeasures(a.whole, b.whole)
  const toWhole = compareMeasures(a.title, b.whole)
  const backToWhole = compareMeasures(b.title, a.whole)
  return {
    numbersShared: title.shared,
    numbersOnlyA: title.onlyA,
    numbersOnlyB: title.onlyB,
    numbersJaccard: title.jaccard,
    unitsAgree: title.agree,
    unitsDiffer: title.differ,
    numbersAnyShared: whole.shared,
    numbersAnyJaccard: whole.jaccard,
    unitsAnyAgree: whole.agree,
    unitsAnyDiffer: whole.differ,
    numbersMissingThere: toWhole.onlyA,
    numbersMissingBack: backToWhole.onlyA,
  }
}

function compareMeasures({ measures: a }: TextSide, { measures: b }: TextSide) {
  const values = new Set(b.map(({ value }) => value))
  const own = new Set(a.map(({ value }) => value))
  const shared = [...own].filter((value) => values.has(value)).length
  let agree = 0
  let differ = 0
  for (const { value, unit } of a) {
    const same = unit === '' ? [] : b.filter((one) => one.unit === unit)
    if (same.some((one) => one.value === value)) agree++
    else if (same.length > 0) differ++
  }
  const all = own.size + values.size - shared
  return {
    shared,
    onlyA: own.size - shared,
    onlyB: values.size - shared,
    jaccard: all === 0 ? MISSING : shared / all,
    agree,
    differ,
  }
}

function amounts(a: RecordSide, b: RecordSide): Features {
  let ratio = MISSING
  for (const one of a.amounts) for (const other of b.amounts) ratio = Math.max(ratio, ratioOf(one, other))
  return {
    amountRatio: ratio,
    amountA: Math.log1p(a.amounts[0] ?? 0),
    amountB: Math.log1p(b.amounts[0] ?? 0),
  }
}
const ratioOf = (a: number, b: number): number =>
  a === b ? 1 : Math.max(0, Math.min(a, b) / Math.max(Math.abs(a), Math.abs(b)))

/** Each column against all that the other record says. */
function columnsApart(corpus: Corpus, a: RecordSide, b: RecordSide): Features {
  const features: Features = {}
  const compare = (side: string, own: RecordSide, other: RecordSide, title: number) =>
    own.texts.forEach((text, column) => {
      if (column === title) return
      features[`${side}${column}`] = text ? coverageOf(corpus, text, other.whole).share : MISSING
    })
  compare(
    'columnA',
    a,
    b,
    corpus.left.columns.findIndex(({ isTitle }) => isTitle),
  )
  compare(
    'columnB',
    b,
    a,
    corpus.right.columns.findIndex(({ isTitle }) => isTitle),
  )
  return features
}

function columnsAligned(corpus: Corpus, a: RecordSide, b: RecordSide): Features {
  const features: Features = {}
  corpus.aligned.forEach(({ left, right, kind }, at) => {
    if (kind === 'number') {
      const [one, other] = [a.numbers[left] ?? null, b.numbers[right] ?? null]
      const hasBoth = one !== null && other !== null
      features[`pair${at}Ratio`] = hasBoth ? ratioOf(one, other) : MISSING
      features[`pair${at}Difference`] = hasBoth ? Math.abs(one - other) : MISSING
      return
    }
    const [one, other] = [a.texts[left] ?? null, b.texts[right] ?? null]
    const compare = (likeness: (x: TextSide, y: TextSide) => number) =>
      one && other ? likeness(one, other) : MISSING
    features[`pair${at}Cosine`] = compare((x, y) => wordCosine(corpus, x, y))
    features[`pair${at}Trigrams`] = compare((x, y) => trigramCosine(corpus, x, y))
    features[`pair${at}There`] = compare((x, y) => coverageOf(corpus, x, y).share)
    features[`pair${at}Back`] = compare((x, y) => coverageOf(corpus, y, x).share)
    features[`pair${at}JaroWinkler`] = compare((x, y) => jaroWinkler(x.text, y.text))
  })
  return features
}
