import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib'
import type { Entry } from 'yauzl'
import { pieceSize } from '../bytes.ts'
import { decode } from '../decode.ts'
import { errno } from '../disk.ts'
import { Fault } from '../fault.ts'
import { quoted } from './directory.ts'

/** A small entry's bytes from those in the zip, checked. */
export function contentBytes(entry: Entry, packed: Buffer): Uint8Array {
  const bytes = entry.compressionMethod === 0 ? packed : inflateSmall(entry, packed)
  checkContent(entry, bytes.byteLength, crc32(bytes))
  return new Uint8Array(bytes)
}

/** An entry's bytes from all of those in the zip; the last piece comes when all is right. */
export async function* checkedContent(entry: Entry, packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { uncompressedSize: size } = entry
  const pieces = entry.compressionMethod === 0 ? packed : inflated(entry, packed)
  let checksum = 0
  let given = 0
  let held: Uint8Array | undefined
  for await (const piece of pieces) {
    checksum = crc32(piece, checksum)
    given += piece.byteLength
    if (given > size) throw refuse(entry, 'inflates to more than the zip says')
    if (given < size) yield piece
    // Its source may use the same room for what comes after it.
    else held ??= new Uint8Array(piece)
  }
  checkContent(entry, given, checksum)
  if (held !== undefined) yield held
}

async function* inflated(entry: Entry, packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = packed[Symbol.asyncIterator]()
  try {
    const first = await source.next()
    if (first.done === true) throw refuse(entry, 'is damaged: nothing is there')
    const rest = yield* decode(createInflateRaw({ chunkSize: pieceSize }), source, first.value)
    if (rest.byteLength > 0 || (await source.next()).done !== true) throw refuse(entry, 'is damaged: something stands behind its data')
  } catch (error) {
    throw errno(error)?.startsWith('Z_') === true ? refuse(entry, 'is damaged: it cannot be inflated') : error
  } finally {
    await source.return?.()
  }
}

function inflateSmall(entry: Entry, packed: Buffer): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.uncompressedSize) })
  } catch (error) {
    throw refuse(entry, error instanceof RangeError ? 'inflates to more than the zip says' : 'is damaged: it cannot be inflated')
  }
}

function checkContent(entry: Entry, size: number, checksum: number): void {
  if (size !== entry.uncompressedSize) throw refuse(entry, 'has not the size that the zip says')
  if (checksum !== entry.crc32) throw refuse(entry, 'is damaged: its checksum is wrong')
}

export function refuse(entry: Entry, why: string): Fault {
  return new Fault('corrupt', `${quoted(entry.fileName)} ${why}`)
}
