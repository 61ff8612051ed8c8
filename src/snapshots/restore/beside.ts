import { createRoom } from '../create/room.ts'

export interface Beside {
  /** Begins it as soon as there is room. */
  start(work: () => Promise<void>): Promise<void>
  /** Does this, and waits for all that it has begun. Throws what failed first. */
  around(walk: () => Promise<void>): Promise<void>
}

/** Work that goes on beside the walk, so many pieces at a time. */
export function workBeside(width: number): Beside {
  const room = createRoom(width)
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  const fail = (error: unknown) => {
    failure ??= { error }
  }
  const check = () => {
    if (failure !== undefined) throw failure.error
  }
  return {
    async start(work) {
      await room.enter()
      check()
      const task = work()
        .catch(fail)
        .finally(() => {
          running.delete(task)
          room.leave()
        })
      running.add(task)
    },
    async around(walk) {
      await walk().catch(fail)
      await Promise.all(running)
      check()
    },
  }
}
