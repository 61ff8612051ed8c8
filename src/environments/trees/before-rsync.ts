import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { type ByteText, byteText, diskFault, joinBytes, shownName, systemPath, throwIfAborted } from '../../kit/index.ts'
import { type Held, holdInner, holdTop, letGo, namesIn, realSys as sys, removeEntry } from '../../kit/sys/index.ts'
import { statsIn } from './entry.ts'
import type { KnownFiles } from './known-files.ts'
import { markIn } from './marks.ts'
import { createPatching, type Patching } from './patching.ts'

export interface BeforeRsync {
  /** Bytes of files that were written. */
  readonly written: number
  readonly removed: number
}

/**
 * Does in a live tree what rsync would not do rightly. Live files that have the size and the time of the base's and yet are not
 * known to be equal get its content: rsync goes by size and time. What is a directory on one side only goes: rsync stumbles over
 * its access list.
 */
export async function prepareForRsync(
  base: string,
  live: string,
  known: KnownFiles | undefined,
  signal: AbortSignal | undefined,
): Promise<BeforeRsync> {
  const patching = createPatching()
  let written = 0
  let removed = 0
  const visit = async (from: Held, to: Held, below: ByteText): Promise<void> => {
    throwIfAborted(signal)
    const present = new Set(namesIn(to.path))
    for (const name of namesIn(from.path)) {
      if (!present.has(name)) continue
      const [wanted, found] = [statsIn(from, name), statsIn(to, name)]
      const path = joinBytes(below, name)
      if (wanted.isDirectory() !== found.isDirectory()) removed += removeEntry(to, name)
      else if (wanted.isDirectory()) await visitInner(from, to, name, path)
      else if (!wanted.isFile() || !found.isFile() || wanted.size !== found.size || wanted.mtimeNs !== found.mtimeNs) continue
      else if (known?.areEqual(path, markIn(found), markIn(wanted)) !== true) written += await mend(patching, from, to, name)
    }
  }
  const visitInner = async (from: Held, to: Held, name: ByteText, path: ByteText) => {
    const inner = [holdInner(from, name)]
    try {
      inner.push(holdInner(to, name))
      await visit(inner[0]!, inner[1]!, path)
    } finally {
      inner.forEach(letGo)
    }
  }
  const tops = [holdTop(byteText(base))]
  try {
    tops.push(holdTop(byteText(live)))
    await visit(tops[0]!, tops[1]!, '')
    return { written, removed }
  } finally {
    await patching.close()
    tops.forEach(letGo)
  }
}

async function mend(patching: Patching, base: Held, live: Held, name: ByteText): Promise<number> {
  const opened: number[] = []
  const open = (directory: Held, flags: number) => {
    const fd = openSync(systemPath(joinBytes(directory.path, name)), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    opened.push(fd)
    return fd
  }
  try {
    const from = open(base, constants.O_RDONLY)
    const { mtimeNs, size } = fstatSync(from, { bigint: true })
    const { nlink } = statsIn(live, name)
    // One that has names elsewhere is not written to: with another time, it is replaced.
    const writes = nlink === 1n
    const to = open(live, writes ? constants.O_RDWR : constants.O_RDONLY)
    const written = await patching.patch({ from, to, offset: 0, length: Number(size), writes })
    if (!writes) {
      if (written > 0) sys.setTimes(to, { modifiedNs: mtimeNs - 1_000_000_000n })
      return 0
    }
    if (written > 0) sys.setTimes(to, { modifiedNs: mtimeNs })
    return written
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(live.name, name)), 'compare the file')
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
