/** @file The gate of a feed: a file that shows shoppers much less than it should is a fault of the file, and is refused whole. */

/** Share of rows that may be kept out of the shop. */
export const HIDDEN_SHARE_MAX = 0.2
/** Of a handful of rows a share says nothing. */
const ROWS_MIN = 10

export type Gate = { hiddenShare: number; hiddenShareMax: number; passed: boolean }

/** @param hidden rows in quarantine, of `received` */
export function gateOf(hidden: number, received: number, hiddenShareMax = HIDDEN_SHARE_MAX): Gate {
  const hiddenShare = received === 0 ? 0 : hidden / received
  return { hiddenShare, hiddenShareMax, passed: received < ROWS_MIN || hiddenShare <= hiddenShareMax }
}

/** Why a feed is refused, in one sentence. */
export const gateSentence = ({ hiddenShare, hiddenShareMax }: Gate, source: string): string =>
  `"${source}" would keep ${percent(hiddenShare)} of its rows out of the shop, and at most ${percent(hiddenShareMax)} may be: mend it, or pass --force.`

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`
