import { Fault } from './fault.ts'

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortFault(signal)
}

/** The fault for a fired signal: its own reason where that is a Fault, else `aborted`. */
export function abortFault(signal: AbortSignal): Fault {
  return signal.reason instanceof Fault ? signal.reason : new Fault('aborted', 'stopped before it was done')
}

/** A controller that also fires when `outer` does; dispose of it to let go of `outer`. */
export function linkedAbort(outer: AbortSignal | undefined): { controller: AbortController; [Symbol.dispose](): void } {
  const controller = new AbortController()
  const forward = () => controller.abort(outer?.reason)
  if (outer?.aborted) forward()
  else outer?.addEventListener('abort', forward, { once: true })
  return { controller, [Symbol.dispose]: () => outer?.removeEventListener('abort', forward) }
}
