/** @file One line of progress on stderr: redrawn in place on a terminal, a new line at each tenth elsewhere. */

export type Progress = { update(done: number, total: number, note?: string): void; done(note?: string): void }

const BAR_CHARS = 28
const REDRAW_MS = 100

/**
 * @param label what is being done, e.g. "importing"
 * @param quiet no output at all (`--json`)
 */
export function createProgress(label: string, quiet = false, stream = process.stderr): Progress {
  if (quiet) return { update() {}, done() {} }
  let drawnAt = 0
  let tenth = -1
  const draw = (fraction: number, note: string) => {
    const filled = Math.round(fraction * BAR_CHARS)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CHARS - filled)
    const line = `${label.padEnd(12)} ${bar} ${String(Math.round(fraction * 100)).padStart(3)} %  ${note}`
    if (stream.isTTY) stream.write(`\r\x1b[2K${line.slice(0, (stream.columns ?? 100) - 1)}`)
    else stream.write(`${label}: ${Math.round(fraction * 100)} %  ${note}\n`)
  }
  return {
    update(done, total, note = '') {
      const fraction = total > 0 ? Math.min(1, done / total) : 0
      const now = Date.now()
      const nextTenth = Math.floor(fraction * 10)
      if (stream.isTTY ? now - drawnAt < REDRAW_MS : nextTenth === tenth) return
      drawnAt = now
      tenth = nextTenth
      draw(fraction, note)
    },
    done(note = '') {
      draw(1, note)
      if (stream.isTTY) stream.write('\n')
    },
  }
}
