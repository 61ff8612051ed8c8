import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { byteText, isFault, throwIfAborted } from '../kit/index.ts'
import { pathBytes } from './entries.ts'
import type { Place } from './mode.ts'
import { layoutOf } from './names.ts'
import { type Rates, type TreeSize, typicalRates } from './rank.ts'
import { openNameless } from './trees/can-clone.ts'

const piece = 1 << 20
/** Enough to tell a slow disk from a fast one, and done in a moment. */
const sampleBytes = 32 << 20

/**
 * How fast the largest file is read here, and copied to where snapshots lie: by a copy of its beginning that nobody sees. What is
 * usual where that cannot be tried, or is too little to tell.
 */
export async function measureRates({ live, snapshotsDir, clock, signal }: Place, { largest }: TreeSize): Promise<Rates> {
  if (largest === undefined) return typicalRates
  const opened: number[] = []
  try {
    const from = openSync(pathBytes(byteText(live), largest), 'r')
    opened.push(from)
    const to = openNameless(layoutOf(snapshotsDir).home)
    opened.push(to)
    const buffer = Buffer.allocUnsafe(piece)
    const spent = { reading: 0, writing: 0 }
    let copied = 0
    for (let length = piece; length === piece && copied < sampleBytes; copied += length) {
      throwIfAborted(signal)
      const begun = clock.now()
      length = readSync(from, buffer, 0, piece, null)
      const read = clock.now()
      writeSync(to, buffer, 0, length)
      spent.reading += read - begun
      spent.writing += clock.now() - read
    }
    if (copied < sampleBytes / 4) return typicalRates
    // Where the clock counts whole milliseconds.
    return { reading: copied / Math.max(1, spent.reading), writing: copied / Math.max(1, spent.reading + spent.writing) }
  } catch (error) {
    if (isFault(error, 'aborted')) throw error
    return typicalRates
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
