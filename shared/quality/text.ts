/** @file Cleaning of text: Unicode NFKC, no HTML, no control characters, one space between words. */

/** What cleaning met; names of rules. */
export type TextNote = 'damaged-text' | 'control-characters' | 'html-removed'

/** Nested mark-up beyond this is an attack, not a description. */
const PASSES_MAX = 4

// Printable ASCII with single inner spaces and no mark-up is already clean: nearly every value takes this way out.
const UNCLEAN = /[^ -~]|[&<]| {2}|^ | $|\\[nr]/
// Tab, line feed, vertical tab, form feed, carriage return and NEL are white space and become a space.
const CONTROL = /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f]/g
// Soft hyphen, zero-width space, direction marks, byte order mark, non-characters. The joiners U+200C and U+200D stay:
// emoji and several scripts need them.
const INVISIBLE = /[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufdd0-\ufdef\ufeff\ufffe\uffff]/g
const WHITE_SPACE = /[\s\u0085]+/g
// Backslash and letter, left by an export that escaped once too often; "\nHP" would be indexed as "nHP".
const ESCAPED_LINE_BREAK = /\\r\\n|\\n|\\r(?![a-z])/g
const TAG = /<(?:\/?[a-zA-Z]|!|\?)[^<>]*>/g
// Feeds escape twice or more ("&amp;amp;lt;"), so a run of ampersand entities counts as one ampersand.
const ENTITY =
  /&(?:amp;|#0{0,4}38;|#x0{0,4}26;)*(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z]{2,8}\d{0,2}));/g

/**
 * Clean a text of one line. Cleaning again changes nothing. Linear in the length of the text.
 *
 * @param notes receives what was met; nothing is noted for white space and compatibility characters
 */
export function cleanText(text: string, notes?: Set<TextNote>): string {
  let current = text
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    if (!UNCLEAN.test(current)) return current
    const next = cleanOnce(current, notes)
    if (next === current) return current
    current = next
  }
  // NFKC first, because it makes "&" and "<" of their full-width forms; without these two one more pass is the last.
  return cleanOnce(current.normalize('NFKC').replace(/[<&]/g, ' '), notes)
}

function cleanOnce(text: string, notes: Set<TextNote> | undefined): string {
  const whole = text.toWellFormed()
  if (whole.includes('\ufffd')) notes?.add('damaged-text')
  const visible = whole.replace(CONTROL, '').replace(INVISIBLE, '')
  if (notes && visible !== whole && whole.search(CONTROL) >= 0) notes.add('control-characters')
  let clean = dropTradeMarks(visible).normalize('NFKC').replace(ESCAPED_LINE_BREAK, ' ')
  if (clean.includes('<')) {
    const bare = dropElements(clean).replace(TAG, ' ')
    if (bare !== clean) notes?.add('html-removed')
    clean = bare
  }
  if (clean.includes('&')) clean = clean.replace(ENTITY, decodeEntity)
  return clean.replace(WHITE_SPACE, ' ').trim()
}

/** NFKC would make letters of the signs: "Core™2" must not become "CoreTM2". */
function dropTradeMarks(text: string): string {
  return text.search(/[™℠]/) < 0 ? text : text.replace(/[™℠](?=[\p{L}\p{N}])/gu, ' ').replace(/[™℠]/g, '')
}

/** Remove scripts and styles with their content. Stops at the first without an end tag, which keeps it linear. */
function dropElements(text: string): string {
  let kept = ''
  let from = 0
  const open = /<(script|style)\b[^<>]*>/gi
  for (let match = open.exec(text); match; match = open.exec(text)) {
    const close = new RegExp(`</${match[1]}\\s*>`, 'gi')
    close.lastIndex = open.lastIndex
    if (!close.test(text)) break
    kept += `${text.slice(from, match.index)} `
    from = close.lastIndex
    open.lastIndex = from
  }
  return kept + text.slice(from)
}

function decodeEntity(whole: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return NAMED[name] ?? whole
  const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
  return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? ' ' : String.fromCodePoint(code)
}

/** Cut to at most `max` UTF-16 units, never inside a surrogate pair, without a trailing space. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text
  const high = text.charCodeAt(max - 1)
  return text.slice(0, high >= 0xd800 && high <= 0xdbff ? max - 1 : max).trimEnd()
}

/** The entities that product texts use. Source: HTML Living Standard, section 13.5 (the Latin-1 and symbol part). */
const NAMED: Record<string, string> = Object.assign(
  Object.create(null),
  Object.fromEntries(
    (
      'amp=& lt=< gt=> quot=" apos=\' deg=° reg=® copy=© trade=™ euro=€ pound=£ yen=¥ cent=¢ sect=§ times=× divide=÷ ' +
      'frac12=½ frac14=¼ frac34=¾ sup1=¹ sup2=² sup3=³ micro=µ plusmn=± middot=· bull=• hellip=… ndash=– mdash=— ' +
      'lsquo=‘ rsquo=’ sbquo=‚ ldquo=“ rdquo=” bdquo=„ laquo=« raquo=» iexcl=¡ iquest=¿ ordf=ª ordm=º omega=ω Omega=Ω ' +
      'rarr=→ larr=← le=≤ ge=≥ ne=≠ agrave=à aacute=á acirc=â atilde=ã auml=ä aring=å aelig=æ ccedil=ç egrave=è ' +
      'eacute=é ecirc=ê euml=ë igrave=ì iacute=í icirc=î iuml=ï ntilde=ñ ograve=ò oacute=ó ocirc=ô otilde=õ ouml=ö ' +
      'oslash=ø ugrave=ù uacute=ú ucirc=û uuml=ü yacute=ý yuml=ÿ szlig=ß thorn=þ eth=ð Agrave=À Aacute=Á Acirc=Â ' +
      'Atilde=Ã Auml=Ä Aring=Å AElig=Æ Ccedil=Ç Egrave=È Eacute=É Ecirc=Ê Euml=Ë Igrave=Ì Iacute=Í Icirc=Î Iuml=Ï ' +
      'Ntilde=Ñ Ograve=Ò Oacute=Ó Ocirc=Ô Otilde=Õ Ouml=Ö Oslash=Ø Ugrave=Ù Uacute=Ú Ucirc=Û Uuml=Ü Yacute=Ý ' +
      'oelig=œ OElig=Œ scaron=š Scaron=Š'
    )
      .split(' ')
      .map((pair) => pair.split('=') as [string, string]),
  ),
  { nbsp: ' ', ensp: ' ', emsp: ' ', thinsp: ' ', shy: '', zwnj: '', zwj: '', lrm: '', rlm: '' },
)
