import { collect, type Digest, digestOf, Fault } from '../../kit/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../../store/index.ts'
import { asTrouble } from './refusal.ts'

/** An object as a listing showed it. */
export interface SeenObject {
  readonly key: string
  readonly size: number
  readonly etag: string
}

/** Parts of one version of an object, asked for as they are needed and kept. */
export interface ObjectParts {
  /** What the first answer told, with the digest of the bytes where that was the whole object. */
  readonly info: ObjectInfo
  /** A view, where the bytes are here in one piece. */
  held(start: number, end: number): Buffer | undefined
  /** Asks for what is missing of a range that lies within the object: a request for each gap. */
  fetch(start: number, end: number): Promise<void>
  /** The same, and its bytes. */
  read(start: number, end: number): Promise<Buffer>
}

interface Part {
  readonly start: number
  readonly bytes: Buffer
}

/** The largest end that a zip can have without its directory is 65,577 bytes: the record, its 64-bit locator, and a comment. */
const tailBytes = 66 << 10

/** Asks for the last 66 KiB, in one request: the whole of a small object. Every request names the etag. A fault of the store is never `invalid`. */
export async function openParts(store: ObjectStore, seen: SeenObject, { signal }: Signal = {}): Promise<ObjectParts> {
  if (seen.size === 0) throw new Fault('invalid', 'it is empty')
  const start = Math.max(0, seen.size - tailBytes)
  const first = await fetchPart(store, seen, start, seen.size, signal)
  const parts: Part[] = [first.part]
  const held = (from: number, to: number) => {
    const part = parts.find(({ start: at, bytes }) => from >= at && to <= at + bytes.byteLength)
    return part?.bytes.subarray(from - part.start, to - part.start)
  }
  const fetch = async (from: number, to: number) => {
    for (let at = from; at < to;) {
      const here = parts.find(({ start: begin, bytes }) => at >= begin && at < begin + bytes.byteLength)
      const next =
        here === undefined
          ? Math.min(to, ...parts.map((part) => part.start).filter((begin) => begin > at))
          : here.start + here.bytes.byteLength
      if (here === undefined) parts.push((await fetchPart(store, seen, at, next, signal)).part)
      at = next
    }
  }
  return {
    info: start === 0 ? withDigest(first.info, digestOf(first.part.bytes)) : first.info,
    held,
    fetch,
    async read(from, to) {
      await fetch(from, to)
      return held(from, to) ?? joined(parts, from, to)
    },
  }
}

async function fetchPart(store: ObjectStore, seen: SeenObject, start: number, end: number, signal: AbortSignal | undefined) {
  const { key, size, etag } = seen
  const at = `${store.name}/${key}`
  try {
    const body = await store.get(key, { range: start === 0 && end === size ? undefined : { start, end }, etag, signal })
    if (body.info.size !== size) throw new Fault('precondition', `${at} is not the version that was listed`, { at })
    const bytes = await collect(body, end - start, at)
    if (bytes.byteLength !== end - start) {
      throw new Fault('unavailable', `${at} gave ${bytes.byteLength} of the ${end - start} bytes that were asked for`, { at })
    }
    return { info: body.info, part: { start, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) } }
  } catch (error) {
    throw asTrouble(error, at)
  }
}

function joined(parts: readonly Part[], from: number, to: number): Buffer {
  const whole = Buffer.allocUnsafe(to - from)
  for (const { start, bytes } of parts) {
    const begin = Math.max(from, start)
    const end = Math.min(to, start + bytes.byteLength)
    if (begin < end) bytes.copy(whole, begin - from, begin - start, end - start)
  }
  return whole
}

/** The facts of an object that was read whole, with its digest. Throws `invalid` where its place tells another one. */
export function withDigest(info: ObjectInfo, digest: Digest): ObjectInfo & { readonly digest: Digest } {
  if (info.digest === undefined || info.digest === digest) return { ...info, digest }
  throw new Fault('invalid', `its bytes have ${digest}, and its place says that they have ${info.digest}`, {
    hint: 'upload it again: what the place says of it was written for other bytes',
  })
}
