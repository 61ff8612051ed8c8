import type { ObjectReader } from '../../../store/index.ts'

/** Bytes of one read, and how many are under way at once. */
const readBytes = 4 << 20
const width = 3

/** A range in order, in large pieces, with the next ones already on their way. */
export async function* readAhead(reader: ObjectReader, start: number, end: number): AsyncGenerator<Uint8Array> {
  const underWay: Promise<Uint8Array>[] = []
  let next = start
  try {
    while (next < end || underWay.length > 0) {
      while (next < end && underWay.length < width) {
        const until = Math.min(end, next + readBytes)
        const reading = reader.read(next, until)
        // Its fault is told when its turn comes.
        reading.catch(() => undefined)
        underWay.push(reading)
        next = until
      }
      yield await underWay.shift()!
    }
  } finally {
    // A reader must not be closed under a read.
    await Promise.allSettled(underWay)
  }
}
