/** Lets so many pieces of work be under way; whoever comes after them waits for one to end. */
export interface Room {
  enter(): Promise<void>
  leave(): void
}

export function createRoom(width: number): Room {
  let inside = 0
  const waiting: (() => void)[] = []
  return {
    async enter() {
      if (inside < width) {
        inside++
        return
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      if (next === undefined) inside--
      else next()
    },
  }
}
