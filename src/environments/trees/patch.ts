import { readSync, writeSync } from 'node:fs'

/** Makes a range of one open file what it is in another. */
export interface PatchTask {
  /** Of the descriptors, which all threads of a process share. */
  readonly from: number
  readonly to: number
  readonly offset: number
  readonly length: number
  /** False: nothing is written, and what would be is counted. */
  readonly writes: boolean
}

/** What a disk writes at least: differences are looked for in blocks of the file of so many bytes. */
const block = 4096
/** Read at a time: what fits into the cache of a processor twice. */
const window = 256 << 10

export interface Patcher {
  /** Bytes that it wrote, or would have. The target has the size of the source already; where the source ends early, so does the work. */
  patch(task: PatchTask): number
}

/** With buffers of its own, for one thread. */
export function createPatcher(): Patcher {
  const wanted = Buffer.allocUnsafeSlow(window)
  const present = Buffer.allocUnsafeSlow(window)
  return {
    patch({ from, to, offset, length, writes }) {
      let written = 0
      for (let at = offset; at < offset + length;) {
        const want = readFully(from, wanted, at, Math.min(window, offset + length - at))
        if (want === 0) break
        const have = readFully(to, present, at, want)
        if (have !== want || wanted.compare(present, 0, want, 0, want) !== 0)
          written += writeDifferences(writes ? to : undefined, at, wanted, want, present, have)
        at += want
      }
      return written
    },
  }
}

/** Neighbouring blocks that differ go in one write. `at` lies on a block of the file. */
function writeDifferences(to: number | undefined, at: number, wanted: Buffer, want: number, present: Buffer, have: number): number {
  let written = 0
  let from = -1
  for (let start = 0; start < want; start += block) {
    const end = Math.min(want, start + block)
    const differs = end > have || wanted.compare(present, start, end, start, end) !== 0
    if (differs && from === -1) from = start
    if (from === -1 || (differs && end < want)) continue
    const until = differs ? end : start
    if (to !== undefined) writeFully(to, wanted, from, until, at + from)
    written += until - from
    from = -1
  }
  return written
}

function readFully(fd: number, into: Buffer, at: number, length: number): number {
  let done = 0
  while (done < length) {
    const count = readSync(fd, into, done, length - done, at + done)
    if (count === 0) break
    done += count
  }
  return done
}

function writeFully(fd: number, bytes: Buffer, from: number, until: number, at: number): void {
  for (let done = from; done < until;) done += writeSync(fd, bytes, done, until - done, at + done - from)
}
