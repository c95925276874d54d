import { describe, expect, it } from 'vitest'
import { analyse, analyseQuery } from './analyse.ts'

const MARKS = { whole: '', prefix: '*', synonym: '~', correction: '?' }
const termsOf = (query: string) => analyseQuery(query).map(({ term, form }) => MARKS[form] + term)

describe('analyse', () => {
  it('stems English, folds case, width and accents, and leaves stop words out', () => {
    expect(analyse('The Wireless Speakers for a Café')).toEqual(['wireless', 'speaker', 'cafe'])
    expect(analyse('ＵＳＢ')).toEqual(['usb'])
  })
  it('gives the parts of a compound and the whole', () => {
    expect(analyse('USB-C')).toEqual(['usb', 'c', 'usbc'])
    expect(analyse('M.2')).toEqual(['m', '2', 'm2'])
  })
  it('splits a number from its unit and keeps model names whole', () => {
    expect(analyse('500GB')).toEqual(['500gb', '500', 'gb'])
    expect(analyse('MX500')).toEqual(['mx500'])
    expect(analyse('HP 301')).toEqual(['hp', '301'])
  })
  it('cuts Chinese into bigrams, also inside mixed text', () => {
    expect(analyse('蓝牙音箱')).toEqual(['蓝牙', '牙音', '音箱'])
    expect(analyse('USB线')).toEqual(['usb', '线'])
  })
  it('survives empty text, emoji and very long words', () => {
    expect(analyse('')).toEqual([])
    expect(analyse('🎧 ok')).toEqual(['ok'])
    expect(analyse('x'.repeat(100_000))).toEqual([])
  })
})

describe('analyseQuery', () => {
  it('takes the last word as a prefix while it is being typed', () => {
    expect(termsOf('bluetooth spea')).toEqual(['bluetooth', '*spea', 'spea'])
    expect(termsOf('bluetooth speaker ')).toEqual(['bluetooth', 'speaker'])
  })
  it('adds other names of a thing, marked as such', () => {
    expect(termsOf('thinkpad laptops ')).toEqual(['thinkpad', 'laptop', '~notebook'])
    expect(termsOf('kabel ')).toEqual(['kabel', '~cabl'])
  })
  it('keeps stop words when there is nothing else', () => {
    expect(termsOf('the with ')).toEqual(['the', 'with'])
  })
  it('meets the terms of the same text in a document', () => {
    for (const text of ['USB-C cable 2m', 'thinkpad laptops', '蓝牙音箱', "women's shoes"]) {
      const document = new Set(analyse(text))
      for (const { term, form } of analyseQuery(`${text} `))
        expect(form === 'synonym' || document.has(term)).toBe(true)
    }
  })
})
