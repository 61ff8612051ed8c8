/** What goes wrong with the answers of a stand-in. */
const misdeeds = ['error', 'busy', 'reset', 'lose-answer', 'cut', 'hang', 'flip'] as const

export type Misdeed = (typeof misdeeds)[number]

/** Those that any answer may suffer; only content with a digest may be other bytes. */
export const standIns = misdeeds.filter((each) => each !== 'flip')

/** When stand-ins do wrong: at random, each kind as often as another, until it is calm. */
export interface Weather {
  /** What is wrong with this answer, of these kinds; mostly undefined. */
  next(kinds: readonly Misdeed[]): Misdeed | undefined
  /** A number in [0, 1). */
  readonly random: () => number
  /** From now on all is right; who hangs is let go. */
  calm(): void
  /** Called once when it is calm, or at once where it is. */
  onCalm(act: () => void): void
  /** How often each happened. */
  readonly counts: Readonly<Record<Misdeed, number>>
}

/** `rate` is the share of answers that are wrong. Hangs are a tenth as frequent as the others: each costs a client its patience. */
export function stormyWeather(random: () => number, rate: number): Weather {
  const counts: Record<Misdeed, number> = { error: 0, busy: 0, reset: 0, 'lose-answer': 0, cut: 0, hang: 0, flip: 0 }
  const waiting: (() => void)[] = []
  let isCalm = false
  return {
    random,
    counts,
    next(kinds) {
      if (isCalm || random() >= rate) return undefined
      const kind = kinds[Math.floor(random() * kinds.length)]
      if (kind === undefined || (kind === 'hang' && random() >= 0.1)) return undefined
      counts[kind]++
      return kind
    },
    calm() {
      isCalm = true
      for (const act of waiting.splice(0)) act()
    },
    onCalm(act) {
      if (isCalm) act()
      else waiting.push(act)
    },
  }
}
