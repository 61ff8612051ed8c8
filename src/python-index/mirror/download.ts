import { type Bytes, bytesOnce, Fault, isFault, retrying, throwIfAborted } from '../../kit/index.ts'
import type { HttpAnswer } from '../../kit/http/index.ts'
import type { ObjectInfo } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import type { Wanted } from './plan.ts'

/** Bytes of a file of which the upstream tells no size. */
const maxFileBytes = 16 * 2 ** 30
const attempts = 3

/** `failed` is the upstream's doing, and of this file alone. */
export type Downloaded = { readonly info: ObjectInfo } | { readonly failed: Fault }

/**
 * Streams a file from upstream into the bucket: there is no key before every byte is proven to be what the page promised. Trouble with the
 * bucket is thrown.
 */
export async function download(context: IndexContext, wanted: Wanted, key: string, signal: AbortSignal): Promise<Downloaded> {
  const { clock, random, report } = context
  const { file, from } = wanted
  // What went wrong in this try on the upstream's side.
  const blamed: Fault[] = []
  const once = async (): Promise<Downloaded> => {
    blamed.length = 0
    let answer: HttpAnswer
    try {
      answer = await from.open(file.url, { signal })
    } catch (error) {
      throwIfAborted(signal)
      // It was tried again already.
      if (isFault(error) && error.code !== 'bug') return { failed: error }
      throw error
    }
    try {
      return await pour(context, wanted, key, answer, signal, (fault) => void blamed.push(fault))
    } catch (error) {
      throwIfAborted(signal)
      const [fault] = blamed
      if (fault === undefined) throw error
      if (fault.code === 'unavailable') throw fault
      return { failed: fault }
    } finally {
      answer.discard()
    }
  }
  const onRetry = ({ message }: Fault) => report({ kind: 'note', level: 'warning', text: `${message}: fetching ${file.name} anew` })
  try {
    return await retrying({ clock, random, attempts, base: 500, cap: 20_000, onRetry }, once, signal)
  } catch (error) {
    throwIfAborted(signal)
    const [fault] = blamed
    if (fault === undefined) throw error
    return { failed: fault }
  }
}

async function pour(
  { bucket, environment, report }: IndexContext,
  { file: { size, digest, name } }: Wanted,
  key: string,
  { body }: HttpAnswer,
  signal: AbortSignal,
  blame: (fault: Fault) => void,
): Promise<Downloaded> {
  if (size !== undefined && body.length !== undefined && size !== body.length) {
    return { failed: new Fault('corrupt', `the upstream promises ${size} bytes of ${name} and sends ${body.length}`) }
  }
  const length = size ?? body.length
  const limit = length ?? maxFileBytes
  const watched = watch(body, limit, name, blame, (bytes) => report({ kind: 'advance', task: 'mirror', bytes }))
  try {
    const info = await bucket.put(key, bytesOnce(watched, length), {
      digest,
      contentType: 'application/octet-stream',
      cacheControl: environment.fileCache,
      public: environment.isPublic,
      signal,
    })
    return { info }
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
    return { failed: new Fault('corrupt', `what the upstream sends as ${name} is not what it promises: ${error.message}`) }
  }
}

/** The same bytes; what goes wrong with them is the upstream's doing. */
async function* watch(
  body: Bytes,
  limit: number,
  name: string,
  blame: (fault: Fault) => void,
  look: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let size = 0
  try {
    for await (const piece of body) {
      size += piece.byteLength
      if (size > limit) throw new Fault('corrupt', `${name} is larger than its limit of ${limit} bytes`)
      look(piece.byteLength)
      yield piece
    }
  } catch (error) {
    // A body that cannot be gone on with is begun anew.
    const fault = isFault(error, 'precondition') ? new Fault('unavailable', error.message, { at: error.at, cause: error }) : error
    if (isFault(fault)) blame(fault)
    throw fault
  }
}
