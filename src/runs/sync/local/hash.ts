import { createHash, type Hash } from 'node:crypto'
import { closeSync, constants, openSync, promises as fs, readSync } from 'node:fs'
import { type Digest, diskFault, pieceSize, throwIfAborted } from '../../../kit/index.ts'

/** A digest of a file's first bytes that can be continued. */
export interface Prefix {
  readonly offset: number
  readonly digest: Digest
  readonly hash: Hash
}

const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW

export function digestOfHash(hash: Hash): Digest {
  return `sha256:${hash.copy().digest('hex')}`
}

/**
 * The digests of a file's beginnings, one for each offset (ascending), in one reading up to the last. A file that is
 * shorter gives fewer.
 */
export async function hashPrefixes(file: string, offsets: readonly number[], signal?: AbortSignal): Promise<Prefix[]> {
  const last = offsets.at(-1) ?? 0
  try {
    return last <= pieceSize ? hashSmall(file, offsets, last) : await hashLarge(file, offsets, signal)
  } catch (error) {
    throw diskFault(error, file, 'read it')
  }
}

/** The digest of a file of that many bytes; undefined where it is shorter. */
export async function hashFile(file: string, size: number, signal?: AbortSignal): Promise<Digest | undefined> {
  return (await hashPrefixes(file, [size], signal))[0]?.digest
}

function hashSmall(file: string, offsets: readonly number[], last: number): Prefix[] {
  const descriptor = openSync(file, readOnly)
  try {
    const bytes = Buffer.allocUnsafe(last)
    let size = 0
    while (size < last) {
      const count = readSync(descriptor, bytes, size, last - size, size)
      if (count === 0) break
      size += count
    }
    const marker = markerOf(offsets)
    marker.take(bytes.subarray(0, size))
    return marker.prefixes
  } finally {
    closeSync(descriptor)
  }
}

async function hashLarge(file: string, offsets: readonly number[], signal: AbortSignal | undefined): Promise<Prefix[]> {
  const marker = markerOf(offsets)
  const handle = await fs.open(file, readOnly)
  try {
    const buffer = Buffer.allocUnsafe(pieceSize)
    for (let position = 0; !marker.isDone();) {
      throwIfAborted(signal)
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position)
      if (bytesRead === 0) break
      marker.take(buffer.subarray(0, bytesRead))
      position += bytesRead
    }
    return marker.prefixes
  } finally {
    await handle.close()
  }
}

/** Hashes pieces and keeps the state at each offset. */
function markerOf(offsets: readonly number[]) {
  const hash = createHash('sha256')
  const prefixes: Prefix[] = []
  let position = 0
  const markDue = () => {
    while (prefixes.length < offsets.length && offsets[prefixes.length] === position) {
      const copy = hash.copy()
      prefixes.push({ offset: position, digest: digestOfHash(copy), hash: copy })
    }
  }
  markDue()
  return {
    prefixes,
    isDone: () => prefixes.length === offsets.length,
    take(piece: Uint8Array) {
      for (let at = 0; at < piece.byteLength;) {
        const next = offsets[prefixes.length]
        if (next === undefined) return
        const end = Math.min(piece.byteLength, at + next - position)
        hash.update(piece.subarray(at, end))
        position += end - at
        at = end
        markDue()
      }
    },
  }
}
