import { linkedAbort, throwIfAborted } from './abort.ts'

/**
 * Runs `work` on every item, at most `width` at a time, taking items only as there is room. The first failure fires the
 * signal that every running `work` was given, waits for those to end, and is thrown.
 */
export async function forEachBounded<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  outer?: AbortSignal,
): Promise<void> {
  using link = linkedAbort(outer)
  const { controller } = link
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  const fail = (error: unknown) => {
    failure ??= { error }
    controller.abort(error)
  }
  try {
    for await (const item of items) {
      if (failure !== undefined) break
      throwIfAborted(controller.signal)
      const task = work(item, controller.signal).catch(fail)
      const tracked = task.then(() => void running.delete(tracked))
      running.add(tracked)
      if (running.size >= width) await Promise.race(running)
    }
  } catch (error) {
    fail(error)
  }
  await Promise.all(running)
  if (failure !== undefined) throw failure.error
  throwIfAborted(outer)
}

/** The same with results, in the order of the items. */
export async function mapBounded<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  outer?: AbortSignal,
): Promise<R[]> {
  const results: R[] = []
  await forEachBounded(
    Array.from(items, (item, index) => ({ item, index })),
    width,
    async ({ item, index }, signal) => {
      results[index] = await work(item, signal)
    },
    outer,
  )
  return results
}

/**
 * The results in the order of the items, with at most `width` pieces of work under way. Whoever stops early, or meets a failure, goes on only
 * when none is under way any more.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = []
  try {
    for await (const item of items) {
      if (running.length >= width) yield await running.shift()!
      const task = work(item)
      // Awaited in its turn.
      task.catch(() => undefined)
      running.push(task)
    }
    while (running.length > 0) yield await running.shift()!
  } finally {
    await Promise.allSettled(running)
  }
}
