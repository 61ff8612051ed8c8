/** Something of a snapshot that a format cannot hold. */
export interface Loss {
  /** A sentence's end for people: `pipes and devices, left out`. */
  readonly what: string
  readonly count: number
}

export interface Losses {
  note(what: string, count?: number): void
  list(): Loss[]
}

export function countLosses(): Losses {
  const counts = new Map<string, number>()
  return {
    note: (what, count = 1) => void counts.set(what, (counts.get(what) ?? 0) + count),
    list: () => [...counts].map(([what, count]) => ({ what, count })),
  }
}
