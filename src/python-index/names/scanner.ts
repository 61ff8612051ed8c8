import { Fault } from '../../kit/index.ts'

/** Reads a text from left to right, piece by piece. */
export interface Scanner {
  /** What matches here, and steps over it. The pattern has to be sticky. */
  readonly take: (pattern: RegExp) => string | undefined
  readonly skipSpace: () => void
  readonly isAtEnd: () => boolean
  /** The fault that says what should have stood here. */
  readonly wrong: (expected: string) => Fault
}

/** `what` is what errors call the text. */
export function scanner(text: string, what: string): Scanner {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  return {
    take,
    skipSpace: () => void take(/[ \t]*/y),
    isAtEnd: () => at === text.length,
    wrong: (expected) => {
      const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text)
      return new Fault('invalid', `not ${what}: ${expected} is expected at character ${at + 1} of ${shown}`)
    },
  }
}
