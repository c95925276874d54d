/**
 * @file A query beside a title, as numbers: which words meet, how rare they are, where in the title they stand, what it names,
 * whether sizes agree, and what else of the catalogue the query would find.
 */
import { editDistance } from '../retrieval/spelling.ts'
import { headsOf } from '../text/heads.ts'
import {
  type Catalogue,
  cosineTo,
  createCatalogue,
  type Findings,
  find,
  headOf,
  idfOf,
  readQuery,
  scoreOf,
  trigramCosine,
  trigramsOf,
} from './catalogue.ts'
import { cosine, latentVector } from './latent.ts'
import { readWords, stem, type Text, type Word } from './words.ts'

export type Pair = { query: string; title: string }
/** By name; −1 where the question does not arise. */
export type Features = Record<string, number>

/** A query read once for all its titles. */
type ReadQuery = Text & {
  raw: string
  findings: Findings
  idf: readonly number[]
  letters: readonly Letters[]
  trigrams: ReadonlySet<string>
  nouns: ReadonlySet<string>
}
type ReadTitle = Text & {
  raw: string
  /** Terms that say what the thing is, see `headsOf`. */
  nouns: ReadonlySet<string>
  letters: readonly Letters[]
  trigrams: ReadonlySet<string>
}
/** Pairs of letters of a word, ends included. */
type Letters = readonly string[]

/** How much a title's word is the query's: 1 the same, less for a like one; and where it stands, or −1. */
type Match = { likeness: number; at: number; isSame: boolean }

/** From this likeness a word counts as found. */
const FOUND = 0.75
const LIKENESS = { start: 0.85, oneEdit: 0.9, twoEdits: 0.8 }
/** Letters below which a start or an error says little, and from which two errors are allowed. */
const LETTERS_MIN = { one: 4, two: 7 }
/** Titles that must start with a word before it may be a brand. */
const BRAND_TITLES_MIN = 5
const NEAR_WORDS = 3

function readQueryText(catalogue: Catalogue, raw: string): ReadQuery {
  const text = readQuery(catalogue, raw)
  return {
    ...text,
    raw: raw.toLowerCase(),
    findings: find(catalogue, text),
    idf: text.words.map(({ term }) => idfOf(catalogue, term)),
    letters: text.words.map(({ source }) => pairsOfLetters(source)),
    trigrams: trigramsOf(text),
    nouns: nounsOf(raw),
  }
}
function readTitle(raw: string): ReadTitle {
  const text = readWords(raw)
  return {
    ...text,
    raw: raw.toLowerCase(),
    letters: text.words.map(({ source }) => pairsOfLetters(source)),
    trigrams: trigramsOf(text),
    nouns: nounsOf(raw),
  }
}
const nounsOf = (raw: string): Set<string> => new Set(headsOf(raw).map(stem))

/** Titles kept as they were read, for the next query. */
const TITLES_KEPT_MAX = 50_000

/**
 * A row for each pair, in order, of the features that are named; one that has another name is 0. A row depends on its pair and
 * the catalogue alone, not on the other pairs.
 *
 * Cost: about 1 ms a query and 0.1 ms a pair.
 */
export function featureRows(
  catalogue: Catalogue,
  pairs: readonly Pair[],
  names: readonly string[],
): Float32Array[] {
  const byQuery = new Map<string, number[]>()
  pairs.forEach(({ query }, at) => {
    const own = byQuery.get(query) ?? []
    own.push(at)
    byQuery.set(query, own)
  })
  const titles = new Map<string, ReadTitle>()
  const titleOf = (raw: string): ReadTitle => {
    const title = titles.get(raw) ?? readTitle(raw)
    if (titles.size >= TITLES_KEPT_MAX) titles.clear()
    titles.set(raw, title)
    return title
  }
  const rows = new Array<Float32Array>(pairs.length)
  for (const [raw, own] of byQuery) {
    const query = readQueryText(catalogue, raw)
    for (const at of own) {
      const features = featuresOf(catalogue, query, titleOf(pairs[at]!.title))
      rows[at] = Float32Array.from(names, (name) => features[name] ?? 0)
    }
  }
  return rows
}

function featuresOf(catalogue: Catalogue, query: ReadQuery, title: ReadTitle): Features {
  const matches = query.words.map((_, at) => matchOf(query, title, at))
  return {
    ...querySide(catalogue, query),
    ...titleSide(catalogue, title),
    ...wordsMet(query, matches),
    ...places(query, title, matches),
    ...order(query, title, matches),
    ...sizes(query, title),
    ...things(catalogue, query, title, matches),
    ...surroundings(catalogue, query, title),
    ...meanings(catalogue, query, title),
    ...spellings(catalogue, query, title),
  }
}

function matchOf(query: ReadQuery, title: ReadTitle, at: number): Match {
  const word = query.words[at]!
  const same = title.words.findIndex(({ term }) => term === word.term)
  if (same >= 0) return { likeness: 1, at: same, isSame: true }
  const joined = findJoined(query.words, title.words, at)
  if (joined >= 0) return { likeness: 1, at: joined, isSame: false }
  const best: Match = { likeness: 0, at: -1, isSame: false }
  if (word.isNumber) return best
  title.words.forEach((other, place) => {
    if (other.isNumber) return
    const likeness = likenessOf(word.source, other.source, query.letters[at]!, title.letters[place]!)
    if (likeness > best.likeness) Object.assign(best, { likeness, at: place })
  })
  return best
}

/** "fire place" and "fireplace", either way round. */
function findJoined(query: readonly Word[], title: readonly Word[], at: number): number {
  const { source } = query[at]!
  const inTitle = title.findIndex((word, place) => word.source + (title[place + 1]?.source ?? '') === source)
  if (inTitle >= 0) return inTitle
  for (const from of [at - 1, at]) {
    const [left, right] = [query[from], query[from + 1]]
    if (!left || !right) continue
    const place = title.findIndex((word) => word.source === left.source + right.source)
    if (place >= 0) return place
  }
  return -1
}

function likenessOf(a: string, b: string, aLetters: Letters, bLetters: Letters): number {
  let shared = 0
  for (const pair of aLetters) if (bLetters.includes(pair)) shared++
  let likeness = (2 * shared) / (aLetters.length + bLetters.length)
  if (a.length < LETTERS_MIN.one || b.length < LETTERS_MIN.one) return likeness
  if (a.startsWith(b) || b.startsWith(a)) likeness = Math.max(likeness, LIKENESS.start)
  const editsMax = a.length >= LETTERS_MIN.two ? 2 : 1
  const edits = editDistance(a, b, editsMax)
  if (edits > editsMax) return likeness
  return Math.max(likeness, edits === 1 ? LIKENESS.oneEdit : LIKENESS.twoEdits)
}

function querySide(catalogue: Catalogue, query: ReadQuery): Features {
  const { words, idf, findings, headEnd } = query
  const df = words.map(({ term }) => countOf(catalogue, 'titles', term))
  return {
    queryWords: words.length,
    queryChars: query.raw.length,
    queryHeadEnd: headEnd,
    queryIdf: findings.weight,
    queryIdfMean: mean(idf),
    queryIdfMax: maxOf(idf),
    queryIdfMin: minOf(idf),
    queryUnknown: df.filter((count) => count === 0).length,
    firstDf: Math.log1p(df[0] ?? 0),
    lastDf: Math.log1p(df.at(-1) ?? 0),
    headDf: Math.log1p(df[Math.max(0, headEnd - 1)] ?? 0),
    foundSome: Math.log1p(findings.some),
    foundAll: Math.log1p(findings.all),
    foundBest: findings.best,
    foundHundredth: ratio(findings.hundredth, findings.best),
    foundCoverage: findings.coverageMax,
    foundHeadMax: ratio(maxOf([...findings.heads.values()]), findings.headCount),
  }
}

function titleSide(catalogue: Catalogue, title: ReadTitle): Features {
  const idf = title.words.map(({ term }) => idfOf(catalogue, term))
  const first = title.words[0]?.term ?? ''
  const head = headOf(title)?.term ?? ''
  return {
    titleWords: title.words.length,
    titleChars: title.raw.length,
    titleHeadEnd: title.headEnd,
    titleIdfMean: mean(idf),
    titleIdfMax: maxOf(idf),
    titleNumbers: title.words.filter(({ isNumber }) => isNumber).length,
    titleBrandShare: shareOf(catalogue, 'first', first),
    titleBrandCount: Math.log1p(countOf(catalogue, 'first', first)),
    titleHeadShare: shareOf(catalogue, 'head', head),
    titleHeadIdf: idfOf(catalogue, head),
  }
}

function wordsMet({ words, idf, headEnd }: ReadQuery, matches: readonly Match[]): Features {
  const found = idf.filter((_, at) => isFound(matches[at]!))
  const missing = idf.filter((_, at) => !isFound(matches[at]!))
  const same = idf.filter((_, at) => matches[at]!.isSame)
  const likeness = matches.map((match) => match.likeness)
  const whole = sum(idf)
  return {
    sameShare: ratio(same.length, words.length),
    sameIdfShare: ratio(sum(same), whole),
    foundShare: ratio(found.length, words.length),
    foundIdfShare: ratio(sum(found), whole),
    foundIdfMax: maxOf(found),
    foundIdfMin: minOf(found),
    missingCount: missing.length,
    missingIdf: sum(missing),
    missingIdfMax: maxOf(missing),
    likenessMean: mean(likeness),
    likenessMin: minOf(likeness),
    likenessIdf: ratio(sum(likeness.map((value, at) => value * idf[at]!)), whole),
    likenessFirst: likeness[0] ?? 0,
    likenessSecond: likeness[1] ?? -1,
    likenessLast: likeness.at(-1) ?? 0,
    likenessBeforeLast: likeness.at(-2) ?? -1,
    likenessHead: likeness[Math.max(0, headEnd - 1)] ?? 0,
  }
}

/** Where in the title the words stand, as a share of its length or in words from the thing that it names. */
function places(query: ReadQuery, title: ReadTitle, matches: readonly Match[]): Features {
  const length = Math.max(1, title.words.length)
  const at = matches.flatMap((match) => (isFound(match) ? [match.at] : []))
  const placeOf = (match: Match | undefined) => (match && isFound(match) ? match.at / length : -1)
  const fromHead = (match: Match | undefined) => (match && isFound(match) ? title.headEnd - 1 - match.at : -9)
  const head = matches[Math.max(0, query.headEnd - 1)]
  return {
    placeMean: at.length > 0 ? mean(at) / length : -1,
    placeMin: at.length > 0 ? minOf(at) / length : -1,
    placeMax: at.length > 0 ? maxOf(at) / length : -1,
    spread: at.length > 0 ? maxOf(at) - minOf(at) : -1,
    placeOfHead: placeOf(head),
    placeOfLast: placeOf(matches.at(-1)),
    headFromHead: fromHead(head),
    lastFromHead: fromHead(matches.at(-1)),
    coverage: new Set(at).size / length,
  }
}

/** Neighbours in the query that are neighbours in the title. */
function order({ raw, words }: ReadQuery, title: ReadTitle, matches: readonly Match[]): Features {
  let neighbours = 0
  let near = 0
  let run = 0
  let runMax = 0
  matches.forEach((match, at) => {
    const before = matches[at - 1]
    if (!isFound(match)) run = 0
    else if (!before || !isFound(before)) run = 1
    else {
      const distance = match.at - before.at
      if (distance === 1) neighbours++
      if (Math.abs(distance) <= NEAR_WORDS) near++
      run = distance === 1 ? run + 1 : 1
    }
    runMax = Math.max(runMax, run)
  })
  const pairs = words.length - 1
  return {
    neighbours: pairs > 0 ? neighbours / pairs : -1,
    near: pairs > 0 ? near / pairs : -1,
    runMax,
    runShare: ratio(runMax, words.length),
    isPhrase: title.raw.includes(raw) ? 1 : 0,
  }
}

function sizes(query: ReadQuery, title: ReadTitle): Features {
  const asked = query.words.filter(({ isNumber }) => isNumber)
  const given = title.words.filter(({ isNumber }) => isNumber)
  const isGiven = ({ term, unit }: Word) => given.some((one) => one.term === term && one.unit === unit)
  const measured = asked.filter(({ unit }) => unit !== '')
  return {
    numbersAsked: asked.length,
    numbersGiven:
      asked.length > 0
        ? asked.filter(({ term }) => given.some((one) => one.term === term)).length / asked.length
        : -1,
    sizesAgree: measured.filter(isGiven).length,
    sizesDiffer: measured.filter((one) => !isGiven(one) && given.some(({ unit }) => unit === one.unit))
      .length,
  }
}

/** Brands start titles, and what is sold ends their first part: a catalogue shows which words are the one or the other. */
function things(
  catalogue: Catalogue,
  query: ReadQuery,
  title: ReadTitle,
  matches: readonly Match[],
): Features {
  const { words, headEnd, findings } = query
  const terms = words.map(({ term }) => term)
  const brands = terms.map((term) =>
    countOf(catalogue, 'first', term) >= BRAND_TITLES_MIN ? shareOf(catalogue, 'first', term) : 0,
  )
  const heads = terms.map((term) => shareOf(catalogue, 'head', term))
  const brand = brands.indexOf(maxOf(brands))
  const thing = heads.indexOf(maxOf(heads))
  const head = headOf(title)?.term ?? ''
  const inFirstPart = query.idf.filter((_, at) => isFound(matches[at]!) && matches[at]!.at < title.headEnd)
  return {
    brandShare: maxOf(brands),
    likenessBrand: brand >= 0 && brands[brand]! > 0.5 ? matches[brand]!.likeness : -1,
    isTitleBrandAsked: terms.includes(title.words[0]?.term ?? '') ? 1 : 0,
    headShareMax: maxOf(heads),
    headShareOfHead: heads[Math.max(0, headEnd - 1)] ?? 0,
    headShareOfLast: heads.at(-1) ?? 0,
    likenessThing: thing >= 0 ? matches[thing]!.likeness : 0,
    isTitleHeadAsked: terms.includes(head) ? 1 : 0,
    isTitleHeadQueryHead: terms[Math.max(0, headEnd - 1)] === head ? 1 : 0,
    isTitleHeadLast: terms.at(-1) === head ? 1 : 0,
    isLastNoun: title.nouns.has(terms.at(-1) ?? '') ? 1 : 0,
    nounsAsked: ratio(terms.filter((term) => title.nouns.has(term)).length, title.nouns.size),
    queryNounsNamed:
      query.nouns.size > 0
        ? [...query.nouns].filter((noun) => title.nouns.has(noun)).length / query.nouns.size
        : -1,
    queryNounsMet:
      query.nouns.size > 0
        ? [...query.nouns].filter((noun) => title.words.some(({ term }) => term === noun)).length /
          query.nouns.size
        : -1,
    firstPartIdfShare: ratio(sum(inFirstPart), findings.weight),
  }
}

/** How the title compares with what the query finds in the catalogue: pseudo-relevance feedback. Source: Rocchio 1971. */
function surroundings(catalogue: Catalogue, { words, idf, findings }: ReadQuery, title: ReadTitle): Features {
  const own = new Set(title.words.map(({ term }) => term))
  const weight = sum(
    [...new Set(words.map(({ term }) => term))].map((term) => (own.has(term) ? idfOf(catalogue, term) : 0)),
  )
  const score = scoreOf(catalogue, weight, findings.weight, title.words.length)
  const head = catalogue.numbers.get(headOf(title)?.term ?? '')
  const titleWeight = sum([...own].map((term) => idfOf(catalogue, term)))
  return {
    score,
    scoreOfBest: ratio(score, findings.best),
    rank: Math.log1p(findings.rankOf(score)),
    nearCosine: cosineTo(catalogue, title, findings.near),
    wideCosine: cosineTo(catalogue, title, findings.wide),
    headAmongFound: ratio(head === undefined ? 0 : (findings.heads.get(head) ?? 0), findings.headCount),
    coverageIdf: ratio(weight, titleWeight),
    idfAsked: sum(idf),
  }
}

/** The same in the latent space of the catalogue, where words meet that are not the same. */
function meanings(catalogue: Catalogue, query: ReadQuery, title: ReadTitle): Features {
  const { latent } = catalogue
  const numbersOf = (words: readonly (Word | undefined)[]) =>
    new Set(words.flatMap((word) => (word ? (catalogue.numbers.get(word.term) ?? []) : [])))
  const vectorOf = (words: readonly (Word | undefined)[]) => latentVector(latent, numbersOf(words))
  const asked = numbersOf(query.words)
  const given = numbersOf(title.words)
  const own = new Set(title.words.map(({ term }) => term))
  const missing = query.words.filter(({ term }) => !own.has(term))
  const givenVectors = [...given].map((number) => latentVector(latent, [number]))
  /** Of the title's word that is most like it. */
  const bestOf = (word: Word) => {
    const vector = vectorOf([word])
    return givenVectors.reduce((best, one) => Math.max(best, cosine(vector, one)), -1)
  }
  const bests = missing.map(bestOf)
  const whole = latentVector(latent, asked)
  const last = vectorOf([query.words.at(-1)])
  const head = vectorOf([headOf(title)])
  const titleVector = latentVector(latent, given)
  return {
    latent: cosine(whole, titleVector),
    latentFirstPart: cosine(whole, vectorOf(title.words.slice(0, title.headEnd))),
    latentHead: cosine(whole, head),
    latentLastHead: cosine(last, head),
    latentLast: cosine(last, titleVector),
    latentOther: cosine(whole, latentVector(latent, given.difference(asked))),
    // No word is missing: better than any likeness.
    latentMissing: missing.length > 0 ? cosine(vectorOf(missing), titleVector) : NOTHING_MISSING,
    latentMissingMax: missing.length > 0 ? Math.max(...bests) : NOTHING_MISSING,
    latentMin: minOf([1, ...bests]),
  }
}
const NOTHING_MISSING = 2

function spellings(catalogue: Catalogue, query: ReadQuery, title: ReadTitle): Features {
  let shared = 0
  for (const trigram of query.trigrams) if (title.trigrams.has(trigram)) shared++
  return {
    trigrams: ratio(shared, query.trigrams.size),
    trigramCosine: trigramCosine(catalogue, query.trigrams, title.trigrams),
    trigramJaccard: ratio(shared, query.trigrams.size + title.trigrams.size - shared),
  }
}

const isFound = ({ likeness }: Match): boolean => likeness >= FOUND
const countOf = ({ numbers, counts }: Catalogue, kind: keyof Catalogue['counts'], term: string): number => {
  const number = numbers.get(term)
  return number === undefined ? 0 : counts[kind][number]!
}
const shareOf = (catalogue: Catalogue, kind: 'first' | 'head', term: string): number =>
  ratio(countOf(catalogue, kind, term), countOf(catalogue, 'titles', term))

function pairsOfLetters(word: string): string[] {
  const padded = ` ${word} `
  return Array.from({ length: padded.length - 1 }, (_, at) => padded.slice(at, at + 2))
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => ratio(sum(values), values.length)
const maxOf = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), 0)
const minOf = (values: readonly number[]): number => (values.length === 0 ? 0 : Math.min(...values))
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

/** Their names, in the order in which models are taught. */
export const FEATURES: readonly string[] = (() => {
  const nothing = createCatalogue([])
  return Object.keys(featuresOf(nothing, readQueryText(nothing, ''), readTitle('')))
})()
