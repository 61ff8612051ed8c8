/** Lets at most `width` pieces of work run at a time, in the order in which they came, whoever asked for them. */
export type Lanes = <T>(work: () => Promise<T>) => Promise<T>

export function createLanes(width: number): Lanes {
  let free = width
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
