import { describe, expect, it } from 'vitest'
import { parseDates, writeDate } from './dates.ts'
import { isMissingWord, parseMeasure, parseNumber, plainNumber, shapeOf } from './values.ts'

describe('a number', () => {
  it.each([
    ['1234.56', 1234.56],
    ['1,234.56', 1234.56],
    ['1.234,56', 1234.56],
    ["1'234.56", 1234.56],
    ['1.234.567,5', 1_234_567.5],
    ['1,234', 1234],
    ['12,5', 12.5],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['-7', -7],
    ['1e3', 1000],
  ])('%s is %d', (text, value) => {
    expect(parseNumber(text)).toBe(value)
  })

  it.each(['', '1,2,3', '1.2.3', 'a1', '12-13', '1/2'])('is not "%s"', (text) => {
    expect(parseNumber(text)).toBeNull()
  })

  it('may have a unit', () => {
    expect(parseMeasure('12.0 oz.')).toMatchObject({ value: 12, digits: '12.0', suffix: 'oz.' })
    expect(parseMeasure('$ 5')).toMatchObject({ value: 5, prefix: '$' })
    expect(parseMeasure('0.05%')).toMatchObject({ value: 0.05, suffix: '%' })
    expect(parseMeasure('US$5')).toMatchObject({ value: 5, prefix: 'US$' })
    expect(['7:30 p.m.', 'A-100', 'x12', '12-13'].map(parseMeasure)).toEqual([null, null, null, null])
  })

  it('is written without the noise of binary fractions', () => {
    expect(plainNumber(0.057999999999999996)).toBe('0.058')
    expect(plainNumber(12)).toBe('12')
  })
})

describe('a date', () => {
  it.each([
    ['2024-03-01', ['iso']],
    ['3/1/2024', ['us', 'european']],
    ['13/1/2024', ['european']],
    ['1/13/24', ['us']],
    ['01.03.2024', ['dotted']],
    ['1 Mar 2024', ['day-month']],
    ['March 1, 2024', ['month-day']],
    ['20240301', ['compact']],
    ['2024-03-01T10:30:00Z', ['iso']],
    ['01.03.2024 10:30', ['dotted']],
  ])('%s is read as %j', (text, forms) => {
    expect(parseDates(text).map(({ form }) => form)).toEqual(forms)
  })

  it.each(['2024-02-30', '31.04.2024', '99/99/99', '12345678', 'May be', ''])('is not "%s"', (text) => {
    expect(parseDates(text)).toEqual([])
  })

  it('is written in each form as its example is', () => {
    const [date] = parseDates('2024-03-01')
    expect(writeDate(date!, 'us', '12/31/99')).toBe('03/01/24')
    expect(writeDate(date!, 'us', '1/5/1999')).toBe('3/1/2024')
    expect(writeDate(date!, 'dotted', '05.01.1999')).toBe('01.03.2024')
    expect(writeDate(date!, 'compact', '19990105')).toBe('20240301')
    expect(writeDate(date!, 'month-day', 'January 15, 1999')).toBe('Mar 01, 2024')
  })
})

it('a word for "missing" is known with brackets and in capitals, and is no part of a longer text', () => {
  expect(['N/A', '{NULL}', 'nan', '-', 'Not available'].every(isMissingWord)).toBe(true)
  expect(['', '0', 'no', 'Nana', 'Unknown Pleasures'].some(isMissingWord)).toBe(false)
})

it('a shape keeps marks and folds runs', () => {
  expect(shapeOf('12.0  oz')).toBe('9.9 a')
  expect(shapeOf('McMinnville-Öl')).toBe('AaAa-Aa')
})
