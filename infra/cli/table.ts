/** @file Plain text tables for the terminal. */

/** Columns a terminal needs for a character: East Asian wide characters and emoji take two. */
const widthOf = (text: string): number => {
  let width = 0
  for (const character of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(
        character,
      )
        ? 2
        : 1
  return width
}

const fit = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text + ' '.repeat(width - widthOf(text))
  let cut = ''
  for (const character of text) {
    if (widthOf(cut + character) > width - 1) break
    cut += character
  }
  return `${cut}…${' '.repeat(Math.max(0, width - widthOf(cut) - 1))}`
}

/**
 * Rows under a header, columns as wide as their widest cell up to `widthMax`.
 *
 * @param rows cells by column; control characters are shown as spaces
 */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[], widthMax = 60) {
  const clean = rows.map((row) => row.map((cell) => cell.replace(/[\u0000-\u001f\u007f]/g, ' ')))
  const widths = header.map((name, column) =>
    Math.min(widthMax, Math.max(widthOf(name), ...clean.map((row) => widthOf(row[column] ?? '')))),
  )
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) => fit(cells[column] ?? '', width))
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((width) => '─'.repeat(width)).join('  '), ...clean.map(line)].join('\n')
}
