/** Work that goes on beside its caller, so many pieces at a time. The first failure is thrown by whatever is called next. */
export interface Lane {
  /** Takes work that has begun. */
  add(work: Promise<void>): void
  /** Waits until there is room for one more. */
  room(): Promise<void>
  /** Waits for all. */
  end(): Promise<void>
  /** The same, and throws nothing. */
  settle(): Promise<void>
}

export function createLane(width: number): Lane {
  let running = 0
  let failure: { readonly error: unknown } | undefined
  let waiting: PromiseWithResolvers<void> | undefined
  let limit = 0
  const wake = () => {
    if (waiting === undefined || running > limit) return
    waiting.resolve()
    waiting = undefined
  }
  const wait = async (most: number) => {
    if (running <= most) return
    limit = most
    waiting = Promise.withResolvers()
    await waiting.promise
  }
  const check = () => {
    if (failure !== undefined) throw failure.error
  }
  const ended = () => {
    running--
    wake()
  }
  return {
    add(work) {
      running++
      work.then(ended, (error: unknown) => {
        failure ??= { error }
        ended()
      })
    },
    async room() {
      check()
      await wait(width - 1)
      check()
    },
    async end() {
      await wait(0)
      check()
    },
    settle: () => wait(0),
  }
}
