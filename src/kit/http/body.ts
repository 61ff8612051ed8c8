import type { IncomingMessage } from 'node:http'
import { throwIfAborted } from '../abort.ts'
import { type Bytes, bytesOnce } from '../bytes.ts'
import { Fault } from '../fault.ts'
import { retrying, type RetryPolicy } from '../retry.ts'
import { networkFault } from './faults.ts'
import type { WireLimits } from './wire.ts'

export interface BodyOptions {
  /** What is read, for people. */
  readonly what: string
  readonly at: string
  readonly limits: WireLimits
  readonly policy: RetryPolicy
  readonly signal?: AbortSignal | undefined
  /** Asks for the rest of the same content; undefined where that cannot be asked for. */
  readonly goOn?: ((given: number) => Promise<IncomingMessage>) | undefined
}

/** The bytes of an answer, every one of them or a Fault. Where reading breaks off, it goes on with what `goOn` gives. */
export function bodyOf(response: IncomingMessage, options: BodyOptions): Bytes {
  const length = lengthOf(response)
  return bytesOnce(readOn(response, length, options), length)
}

/** The stated length of the body; undefined where none is stated. */
export function lengthOf({ headers }: IncomingMessage): number | undefined {
  const stated = headers['content-length']
  return stated !== undefined && /^\d{1,15}$/.test(stated) ? Number(stated) : undefined
}

async function* readOn(response: IncomingMessage, length: number | undefined, options: BodyOptions): AsyncGenerator<Uint8Array> {
  const { what, at, limits, policy, signal, goOn } = options
  let given = 0
  let source: Source | undefined = sourceOf(response, limits.idleTime)
  const next = async () => {
    source ??= sourceOf(await goOn!(given), limits.idleTime)
    try {
      return await source.next()
    } catch (error) {
      source = undefined
      throwIfAborted(signal)
      const cause = networkFault(error, what, at, limits)
      throw new Fault(cause.code, `${what} broke off after ${given}${length === undefined ? '' : ` of ${length}`} bytes`, { at, cause })
    }
  }
  try {
    for (;;) {
      // Each piece begins anew: a download may break as often as it likes, if it gets on.
      const piece = goOn === undefined ? await next() : await retrying(policy, next, signal)
      if (piece.done === true) return
      given += piece.value.byteLength
      yield piece.value
    }
  } finally {
    await source?.end()
  }
}

interface Source {
  next(): Promise<IteratorResult<Uint8Array, unknown>>
  end(): Promise<void>
}

/** The pieces of one answer, with a limit to the wait for each: from when it is asked for, so that a slow reader is none of the server's. */
function sourceOf(response: IncomingMessage, idleTime: number): Source {
  const pieces = (response as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  return {
    async next() {
      const timer = setTimeout(() => response.destroy(new Fault('unavailable', `no byte came for ${idleTime} ms`)), idleTime)
      try {
        return await pieces.next()
      } finally {
        clearTimeout(timer)
      }
    },
    async end() {
      await pieces.return?.()
    },
  }
}
