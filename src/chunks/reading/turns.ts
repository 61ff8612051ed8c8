/** Lets at most `width` pieces of work run at a time; the others wait in line. */
export interface Turns {
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createTurns(width: number): Turns {
  const line: (() => void)[] = []
  let running = 0
  return {
    async run(work) {
      if (running >= width) await new Promise<void>((resolve) => line.push(resolve))
      else running++
      try {
        return await work()
      } finally {
        const next = line.shift()
        if (next === undefined) running--
        else next()
      }
    },
  }
}
