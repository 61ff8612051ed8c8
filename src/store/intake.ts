import { type Bytes, type Digest, Fault, hasher, untilAborted } from '../kit/index.ts'

/**
 * A put's body as a driver takes it in. Ends with `aborted` as soon as the signal fires, also while the body hangs, and
 * with `corrupt` after the last piece where the length or the digest is not the one that was stated: a driver shows
 * nothing before this has ended well. What the body itself throws passes unchanged.
 */
export async function* takeIn(
  body: Bytes,
  stated: { readonly digest?: Digest | undefined; readonly signal?: AbortSignal | undefined },
  at: string,
): AsyncGenerator<Uint8Array> {
  const state = stated.digest === undefined ? undefined : hasher()
  let size = 0
  for await (const piece of abortable(body, stated.signal)) {
    size += piece.byteLength
    if (body.length !== undefined && size > body.length) {
      throw new Fault('corrupt', `the body is longer than the ${body.length} bytes that were stated`, { at })
    }
    state?.update(piece)
    yield piece
  }
  if (body.length !== undefined && size !== body.length) {
    throw new Fault('corrupt', `the body ended after ${size} of the ${body.length} bytes that were stated`, { at })
  }
  const actual = state?.digest()
  if (actual !== stated.digest) throw new Fault('corrupt', `expected ${stated.digest}, got ${actual}`, { at })
}

/** The same items; a wait for the next one ends with the signal. */
export async function* abortable<T>(items: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  let ended = false
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal)
      if (next.done === true) {
        ended = true
        return
      }
      yield next.value
    }
  } catch (error) {
    // A source that hangs answers `return` only once it stops hanging: it is told, and not waited for.
    ended = true
    iterator.return?.().catch(() => undefined)
    throw error
  } finally {
    if (!ended) await iterator.return?.()
  }
}
