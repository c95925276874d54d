/** A failure that a person can act on: the command line prints the sentence, without a stack, and exits with 1. */
export class Failure extends Error {}

/** The one sentence for any thrown value. */
export const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/\s+/g, ' ').trim() : String(error)
