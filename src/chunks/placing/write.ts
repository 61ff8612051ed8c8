import { readSync, writeSync } from 'node:fs'

/** Differences are looked for in steps of so many bytes of the file: what a disk writes at least. */
const step = 4096

/** Puts bytes in an open file; only where they differ from what is there, if so told. The bytes written. */
export function putAt(fd: number, bytes: Uint8Array, offset: number, onlyDifferences: boolean): number {
  if (onlyDifferences) return writeDifferences(fd, bytes, offset)
  writeFully(fd, bytes, offset)
  return bytes.byteLength
}

function writeDifferences(fd: number, bytes: Uint8Array, offset: number): number {
  const present = Buffer.allocUnsafe(bytes.byteLength)
  if (!readFully(fd, present, offset)) {
    writeFully(fd, bytes, offset)
    return bytes.byteLength
  }
  let written = 0
  let from = -1
  for (let at = 0; at < bytes.byteLength;) {
    // Steps are those of the file, so that whole blocks of the disk are written.
    const end = Math.min(bytes.byteLength, at + step - ((offset + at) % step))
    const differs = present.compare(bytes, at, end, at, end) !== 0
    if (differs && from === -1) from = at
    if (from !== -1 && (!differs || end === bytes.byteLength)) {
      const to = differs ? end : at
      writeFully(fd, bytes.subarray(from, to), offset + from)
      written += to - from
      from = -1
    }
    at = end
  }
  return written
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(fd, bytes, done, bytes.byteLength - done, offset + done)
}

/** False where the file ends before. */
export function readFully(fd: number, into: Uint8Array, offset: number): boolean {
  for (let done = 0; done < into.byteLength;) {
    const count = readSync(fd, into, done, into.byteLength - done, offset + done)
    if (count === 0) return false
    done += count
  }
  return true
}
