import { Fault, throwIfAborted } from '../../../kit/index.ts'
import { abortable } from '../../intake.ts'
import { checkReading } from '../../range.ts'
import type { ObjectReader, ReaderOptions, Signal } from '../../store.ts'
import { isLink, replaced, type Version } from '../layout.ts'
import { type Handle, isRefusal, orAbsent } from './calls.ts'
import type { Link } from './connection.ts'
import { settledSight } from './look.ts'
import { given, lookAt, nameOf, pathOf, type Place, refusalFault, unlessAbsent, versionOf, wayTo } from './place.ts'

export interface Opened {
  readonly link: Link
  readonly version: Version
  readonly handle: Handle
}

/**
 * Looks for a key and opens what it is now, in one round trip where it has no generations. Throws `not-found`, and `precondition` where it
 * is not the version of that etag. The file that is opened is the version's, but for one put in its place in between: reading checks that.
 */
export async function openNow(place: Place, link: Link, key: string, etag: string | undefined): Promise<Opened> {
  const at = nameOf(place, key)
  for (;;) {
    const way = wayTo(place, link, key)
    const sight = settledSight(place, link, key)
    const early = link.openForReading(pathOf(place, key))
    const letGo = () => void early.then((handle) => (isRefusal(handle) ? undefined : link.release(handle))).catch(() => undefined)
    sight.catch(() => undefined)
    early.catch(() => undefined)
    let version: Version | undefined
    try {
      version = (await way) === 'open' ? (await sight).state.version : undefined
      if (version === undefined) throw new Fault('not-found', `there is no ${at}`, { at })
      if (etag !== undefined && etag !== version.info.etag) throw replaced(at)
    } catch (error) {
      letGo()
      throw error
    }
    if (version.slot > 0) letGo()
    const opening = version.slot === 0 ? early : link.openForReading(version.path)
    const handle = await unlessAbsent(place, link, opening, at, 'open it')
    if (handle !== undefined) return { link, version, handle }
  }
}

/** A part of an open version, whole, in one round trip more. Throws `precondition` where the file is not that version. */
export async function readPart(place: Place, { link, version, handle }: Opened, start: number, end: number): Promise<Uint8Array> {
  const at = nameOf(place, version.key)
  const reading = readRange(place, link, handle, { start, end }, at)
  reading.catch(() => undefined)
  // Asked for after the last read: what was changed in place while it was read must not pass for whole.
  await checkVersion(place, link, handle, version)
  return await reading
}

/** An open version for many reads. */
export function readerOf(place: Place, opened: Opened, { mayGrow = false, signal }: ReaderOptions): ObjectReader {
  const { link, version, handle } = opened
  const at = nameOf(place, version.key)
  let isClosed = false
  return {
    info: version.info,
    async read(start, end) {
      checkReading(start, end, version.info.size, at)
      throwIfAborted(signal)
      const reading = mayGrow ? readRange(place, link, handle, { start, end }, at) : readPart(place, opened, start, end)
      const bytes = await reading
      throwIfAborted(signal)
      return bytes
    },
    async close() {
      if (!isClosed) link.release(handle)
      isClosed = true
    },
  }
}

/** The version's bytes from `start` up to `end`, read ahead. A version that is no longer there, or was changed in place, is `precondition`. */
export async function* readVersion(
  place: Place,
  version: Version,
  { start, end }: { start: number; end: number },
  { signal }: Signal,
): AsyncGenerator<Uint8Array> {
  yield* abortable(readPieces(place, version, start, end, signal), signal)
}

/** Bytes on their way to one body at once. */
const ahead = 8 << 20

async function* readPieces(
  place: Place,
  version: Version,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const at = nameOf(place, version.key)
  const link = await place.connections.get(signal)
  const handle = await openVersion(place, link, version)
  try {
    const isRight = checkVersion(place, link, handle, version)
    isRight.catch(() => undefined)
    link.learnLimits().catch(() => undefined)
    const pieces: Promise<Uint8Array>[] = []
    let stillRight: Promise<void> | undefined
    let asked = start
    for (let position = start; position < end;) {
      while (asked < end && asked - position < ahead) {
        const next = Math.min(asked + link.largest.read, end)
        const piece = readRange(place, link, handle, { start: asked, end: next }, at)
        piece.catch(() => undefined)
        pieces.push(piece)
        asked = next
      }
      if (asked === end) {
        stillRight ??= checkVersion(place, link, handle, version)
        stillRight.catch(() => undefined)
      }
      const piece = await pieces.shift()!
      position += piece.byteLength
      await isRight
      if (position >= end) await stillRight
      yield piece
    }
  } finally {
    link.release(handle)
  }
}

async function openVersion(place: Place, link: Link, version: Version): Promise<Handle> {
  const at = nameOf(place, version.key)
  const looking = place.plain ? undefined : lookAt(place, link, version.path, at)
  looking?.catch(() => undefined)
  const opening = await link.openForReading(version.path).then(orAbsent)
  try {
    await looking
  } catch (error) {
    if (opening !== undefined && !isRefusal(opening)) link.release(opening)
    throw error
  }
  if (opening === undefined) throw replaced(at)
  if (isRefusal(opening)) throw await refusalFault(place, link, opening, at, 'open it')
  return opening
}

async function checkVersion(place: Place, link: Link, handle: Handle, version: Version): Promise<void> {
  const at = nameOf(place, version.key)
  const now = await given(place, link, link.fstat(handle), at, 'look at it')
  if (now.kind === 'link') throw isLink(version.path, at)
  if (versionOf(version.key, version.path, version.slot, now).info.etag !== version.info.etag) throw replaced(at)
}

/** All of a range, in pieces of what the server gives at once, all asked for at once. What has become shorter is `precondition`. */
async function readRange(
  place: Place,
  link: Link,
  handle: Handle,
  { start, end }: { start: number; end: number },
  at: string,
): Promise<Uint8Array> {
  const size = link.largest.read
  if (end - start <= size) return await readExactly(place, link, handle, start, end - start, at)
  const whole = new Uint8Array(end - start)
  const parts: Promise<void>[] = []
  for (let position = start; position < end; position += size) {
    const part = readExactly(place, link, handle, position, Math.min(size, end - position), at)
    parts.push(part.then((bytes) => whole.set(bytes, position - start)))
  }
  await Promise.all(parts)
  return whole
}

/** A server may give less than was asked for (section 6.4): then the rest is asked for. */
async function readExactly(place: Place, link: Link, handle: Handle, position: number, length: number, at: string): Promise<Uint8Array> {
  let got: Uint8Array | undefined
  let done = 0
  while (done < length) {
    const data = await given(place, link, link.read(handle, position + done, length - done), at, 'read it')
    if (data === undefined) throw replaced(at)
    if (done === 0 && data.byteLength === length) return data
    got ??= new Uint8Array(length)
    got.set(data, done)
    done += data.byteLength
  }
  return got ?? new Uint8Array(0)
}
