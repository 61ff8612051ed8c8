import { closeSync, constants, fsyncSync, ftruncateSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import path from 'node:path'
import * as v from 'valibot'
import { type Digest, diskFault, errno, Fault, isFault, parseJson } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import { digestShape } from '../../refs/index.ts'
import { type ByteText, joinBytes, shownName, systemPath } from '../tree/name.ts'

/** In the root of a tree that is being restored in place. Never part of a snapshot. */
export const markName = '.holdfast-restoring'

/** What a mark says: which restore has begun and not ended. */
export interface Mark {
  readonly format: typeof markFormat
  readonly snapshot: Digest
  /** Of the snapshot, for people. */
  readonly path: string
  readonly at: string
  readonly by: string
}

const markFormat = 'holdfast-restoring/1'
const shape = v.object({ format: v.literal(markFormat), snapshot: digestShape, path: v.string(), at: v.string(), by: v.string() })

/** For whoever meets the mark: the tree is neither old nor new. */
export function unfinished(mark: ByteText): Fault {
  return new Fault('busy', 'a restore into this tree has not ended: it is neither old nor new', {
    at: shownName(mark),
    hint: 'run the restore again, which finishes it (`holdfast snapshot restore`)',
  })
}

/** Throws `busy` where a restore into the directory has begun and not ended. */
export async function assertNotMarked(directory: string): Promise<void> {
  const mark = path.join(directory, markName)
  try {
    await lstat(mark)
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return
    throw diskFault(error, mark, 'look for the mark of a restore')
  }
  throw unfinished(mark)
}

export interface HeldMark {
  /** The restore that was not ended before this one took over. */
  readonly before: Mark | undefined
  /** Makes it durable, with what this restore is. Idempotent. */
  set(): void
  /** One was there, of a restore that had not ended. */
  readonly isTaken: boolean
  /** Takes it away; false where it was never set, and there was none. */
  clear(): boolean
  /** Lets go of it, and leaves it where it is. Idempotent. */
  release(): void
}

/**
 * The mark of a tree, for one restore at a time: throws `busy` while another runs. A mark that a killed one left is taken over.
 * `root` is a path of the open directory.
 */
export function holdMark(root: ByteText, rootFd: number, mark: Omit<Mark, 'format'>): HeldMark {
  const file = systemPath(joinBytes(root, markName))
  let fd = openMark(file, false)
  const before = fd === undefined ? undefined : readMark(fd, root)
  const isTaken = fd !== undefined
  let isSet = false
  const release = () => {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
  }
  return {
    before,
    isTaken,
    set() {
      if (isSet) return
      fd ??= openMark(file, true)!
      ftruncateSync(fd, 0)
      writeSync(fd, `${JSON.stringify({ format: markFormat, ...mark })}\n`, 0)
      fsyncSync(fd)
      fsyncSync(rootFd)
      isSet = true
    },
    clear() {
      const isThere = fd !== undefined
      if (isThere) unlinkSync(file)
      release()
      return isThere
    },
    release,
  }
}

/** Opens and locks it. A lock goes with its process, however that ends. */
function openMark(file: string | Buffer, create: boolean): number | undefined {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW | (create ? constants.O_CREAT : 0), 0o600)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw diskFault(error, String(file), 'open the mark of the restore')
  }
  // Without locks, two restores at once are not noticed.
  const isFree = realSys.whyMissing() !== undefined || realSys.tryLock(fd, 'exclusive')
  if (isFree) return fd
  closeSync(fd)
  throw new Fault('busy', 'another restore into this tree is under way', { at: String(file), hint: 'wait for it to end' })
}

function readMark(fd: number, root: ByteText): Mark | undefined {
  try {
    return parseJson(shape, readFileSync(fd), shownName(root)) as Mark
  } catch (error) {
    // Cut off while it was written: nothing had been changed yet.
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}
