import { Fault } from './fault.ts'

/** Throws `aborted` once the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortFault(signal)
}

/** The fault for a fired signal: its own reason where that is a Fault, else `aborted`. */
export function abortFault(signal: AbortSignal): Fault {
  return signal.reason instanceof Fault ? signal.reason : new Fault('aborted', 'stopped before it was done')
}

/** The work's result, or `aborted` as soon as the signal fires: for work that cannot be stopped, which then ends unheard. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  const fired = Promise.withResolvers<never>()
  const onAbort = () => fired.reject(abortFault(signal))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, fired.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A controller that also fires when `outer` does; dispose of it to let go of `outer`. */
export function linkedAbort(outer: AbortSignal | undefined): { controller: AbortController; [Symbol.dispose](): void } {
  const controller = new AbortController()
  const forward = () => controller.abort(outer?.reason)
  if (outer?.aborted) forward()
  else outer?.addEventListener('abort', forward, { once: true })
  return { controller, [Symbol.dispose]: () => outer?.removeEventListener('abort', forward) }
}
