import { closeSync, constants, fdatasyncSync, fstatSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from 'node:fs'
import { diskFault, Fault, isFault, pieceSize } from '../../kit/index.ts'
import { maxLogBytes } from '../format/limits.ts'
import { createLogReader, openPage } from '../format/log.ts'

/** What a generator that was killed may have left behind the log's length. More than that is not looked at: a new log is begun. */
const maxLeftover = 64 << 20

/** Whether a log has what its root says, and may be appended to. A link is none: what it leads to would be cut off and written to. */
export function isLogWhole(file: string, length: number): boolean {
  const found = lstatSync(file, { throwIfNoEntry: false })
  return found?.isFile() === true && found.size >= length && found.size - length <= maxLeftover
}

/** Whether every page of a log, up to its length, can be read and is what it says. */
export function isLogProven(file: string, length: number): boolean {
  const fd = openSync(file, 'r')
  try {
    const reader = createLogReader(file)
    for (let at = 0; at < length;) {
      const piece = Buffer.alloc(Math.min(pieceSize, length - at))
      const read = readSync(fd, piece, 0, piece.byteLength, at)
      if (read === 0) return false
      for (const record of reader.push(piece.subarray(0, read))) openPage(record, file)
      at += read
    }
    reader.end()
    return true
  } catch (error) {
    if (isFault(error, 'corrupt')) return false
    throw diskFault(error, file, 'read the log of pages')
  } finally {
    closeSync(fd)
  }
}

/**
 * Appends records to a log, made durable, and gives its length then. What lies behind `length` was never named by a root that lasted; but
 * a reader may have seen one before a power cut, so that whole records there stay, and only a broken one is cut off.
 */
export function appendRecords(file: string, length: number, records: readonly Uint8Array[]): number {
  return withFile(file, constants.O_RDWR | constants.O_NOFOLLOW, (fd) => {
    const end = endOfRecords(fd, length, file)
    if (fstatSync(fd).size > end) ftruncateSync(fd, end)
    return writeRecords(fd, end, records)
  })
}

/** Writes a new log, made durable, and gives its length. */
export function writeLog(file: string, records: readonly Uint8Array[]): number {
  return withFile(file, 'wx', (fd) => writeRecords(fd, 0, records))
}

function withFile(file: string, flags: string | number, work: (fd: number) => number): number {
  let fd: number | undefined
  try {
    fd = openSync(file, flags)
    return work(fd)
  } catch (error) {
    throw diskFault(error, file, 'write the log of pages')
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function endOfRecords(fd: number, length: number, at: string): number {
  const rest = Buffer.alloc(fstatSync(fd).size - length)
  const read = readSync(fd, rest, 0, rest.byteLength, length)
  const reader = createLogReader(at, length)
  let end = length
  try {
    for (const record of reader.push(rest.subarray(0, read))) {
      openPage(record, at)
      end = record.offset + record.length
    }
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
  }
  return end
}

function writeRecords(fd: number, start: number, records: readonly Uint8Array[]): number {
  let position = start
  for (const bytes of inPieces(records)) {
    if (position + bytes.byteLength > maxLogBytes) {
      throw new Fault('unsupported', `the pages of all runs are larger than the limit of ${maxLogBytes} bytes`, {
        hint: 'keep runs that are done under another root',
      })
    }
    for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at, bytes.byteLength - at, position + at)
    position += bytes.byteLength
  }
  fdatasyncSync(fd)
  return position
}

/** Small records together, since a write costs more than its bytes. */
function* inPieces(records: readonly Uint8Array[]): Iterable<Uint8Array> {
  let held: Uint8Array[] = []
  let bytes = 0
  for (const record of records) {
    held.push(record)
    bytes += record.byteLength
    if (bytes < pieceSize) continue
    yield Buffer.concat(held)
    held = []
    bytes = 0
  }
  yield Buffer.concat(held)
}
