import { describe, expect, it } from 'vitest'
import { fittedText, type Report } from './fields.ts'
import { cleanText, shorten, type TextNote } from './text.ts'

const notesOf = (text: string) => {
  const notes = new Set<TextNote>()
  cleanText(text, notes)
  return [...notes]
}

describe('clean text', () => {
  it.each([
    ['plain ASCII', 'Lamp, 5 W (E27)'],
    ['signs of comparison', 'Lamp 3 < 4 > 2'],
    ['an ampersand', 'AT&T & Co; R&D'],
    ['an unknown entity', '&nosuch; &#; &#x;'],
    ['emoji of several parts', '👩‍👩‍👧 🇩🇪 ❤️'],
    ['joiners that a script needs', 'می‌خواهم'],
    ['a path of Windows', 'C:\\users\\rita'],
  ])('keeps %s', (_, text) => {
    expect(cleanText(text)).toBe(text)
  })

  it.each([
    ['white space of every kind', '\t a\u00a0\u2003b\r\n\u2028c\u0085d\v\f ', 'a b c d'],
    ['full-width forms', 'ＬＥＤ　５Ｗ', 'LED 5W'],
    ['ligatures and parted letters', 'ﬁne cafe\u0301', 'fine café'],
    ['trade marks before a letter or digit', 'Core™2 Duo™ Pro℠™X', 'Core 2 Duo Pro X'],
    ['control characters', 'a\u0000b\u001bc\u007fd\u009fe', 'abcde'],
    ['invisible characters', '\ufeffa\u00adb\u200bc\u202ed\u2066e\uffff', 'abcde'],
    ['lone surrogates', 'a\ud83db\ude00', 'a\ufffdb\ufffd'],
    ['line breaks that were escaped', 'Fast\\nHP \\r\\n printer\\r', 'Fast HP printer'],
    ['tags', '<p class="a > b">Lamp</p><br/>bright<!-- no -->', 'b">Lamp bright'],
    [
      'scripts and styles with their content',
      'a<script type=x>if (1 < 2) b()</script >c<STYLE>d</STYLE>e',
      'a c e',
    ],
    ['a script without an end', 'a<script>b', 'a b'],
    ['tags inside tags', '<scr<b>ipt>x</scr</b>ipt>', 'x'],
    ['entities', '&quot;5&Prime;&quot; &eacute;&#233;&#xE9; &amp; &hellip;', '"5&Prime;" ééé & ...'],
    ['entities escaped again and again', '&amp;amp;amp;lt;b&amp;#38;gt;Lamp', 'Lamp'],
    ['entities of characters that cannot be', 'a&#xD800;b&#x110000;c&#0;d', 'a b cd'],
  ])('has mended %s', (_, text, clean) => {
    expect(cleanText(text)).toBe(clean)
  })

  it('made of entities inside entities is still final after one call', () => {
    // Each decoding lays bare the next; the last one leaves a ligature, a control character and a line break.
    let text = '&#xfb01;&#7;&#92;n'
    for (let level = 0; level < 12; level++) {
      const once = cleanText(text)
      expect(cleanText(once)).toBe(once)
      text = text.replaceAll('&', '&a&#109;p;')
    }
  })

  it('notes what it met, each once, and nothing for white space and compatibility forms', () => {
    expect(notesOf('<b>a</b>\u0000\u0001\ud800')).toEqual([
      'damaged-text',
      'control-characters',
      'html-removed',
    ])
    expect(notesOf(' ＬＥＤ\t\u200b™ &amp; ')).toEqual([])
  })
})

describe('shortening', () => {
  it('cuts at the limit, not inside a character, and leaves no space at the end', () => {
    expect(shorten('abc', 3)).toBe('abc')
    expect(shorten('abcd', 3)).toBe('abc')
    expect(shorten('ab😀', 3)).toBe('ab')
    expect(shorten('ab😀', 4)).toBe('ab😀')
    expect(shorten('ab cd', 3)).toBe('ab')
  })

  it('leaves a text that is clean, also where the cut lays something bare', () => {
    const found: string[] = []
    const report: Report = (rule) => found.push(rule)
    // "\rx" is a path; "\r" at the end is a line break that was escaped.
    expect(fittedText('abc\\rx', 5, 'title', report)).toBe('abc')
    expect(found).toEqual(['text-shortened'])
  })

  it('bounds the work: a text far over its limit is cut before it is cleaned', () => {
    const found: string[] = []
    expect(fittedText(`${' '.repeat(60)}late`, 10, 'title', (rule) => found.push(rule))).toBe('')
    expect(found).toEqual(['text-shortened'])
  })
})
