import { type BigIntStats, closeSync, constants, copyFile, fchmodSync, openSync, unlinkSync } from 'node:fs'
import { type ByteText, diskFault, Fault, isFault, joinBytes, type Report, shownName, systemPath } from '../../kit/index.ts'
import { type Held, type Place, realSys as sys } from '../../kit/sys/index.ts'
import type { Shortfall } from '../../snapshots/attributes/index.ts'
import { copyAttributes, isSparse } from './entry.ts'
import { copyExtents } from './extents.ts'

export interface FileCopyOptions {
  /** `clone`: files share their bytes with the source, and it is `unsupported` where they cannot. `copy`: they share where they can. */
  readonly how: 'clone' | 'copy'
  /** Whom a new entry belongs to in the target; undefined where that differs from directory to directory. */
  readonly owner: Pick<BigIntStats, 'uid' | 'gid'> | undefined
  /** Gets what attributes could not be kept. */
  readonly shortfall: Shortfall
  readonly report: Report
  readonly signal: AbortSignal | undefined
}

/** Copies files with their attributes, as the file system does it best. */
export interface FileCopier {
  /**
   * Copies a file to the same name in another directory, where it must be free. Undefined where that is done; where bytes have
   * to be copied, a promise. No link is followed.
   */
  copy(source: Held, target: Held, name: ByteText, stats: BigIntStats): Promise<void> | undefined
  /** Lets an open file share all bytes of another one; false where it cannot. The target keeps what it has past the source's end. */
  share(from: number, to: number): boolean
  /** Whether files here can share bytes; undefined before the first try. */
  sharing(): boolean | undefined
  /** Bytes that were copied and not shared. */
  written(): number
}

export function createFileCopier(options: FileCopyOptions): FileCopier {
  const state: State = { options, sharing: undefined, written: 0, umask: process.umask() }
  return {
    copy(source, target, name, stats) {
      const isDone = (state.sharing !== false || stats.size === 0n) && cloneFile(state, source, target, name, stats)
      return isDone ? undefined : copyBytes(state, source, target, name, stats)
    },
    share: (from, to) => shareBytes(state, from, to),
    sharing: () => state.sharing,
    written: () => state.written,
  }
}

interface State {
  readonly options: FileCopyOptions
  sharing: boolean | undefined
  written: number
  readonly umask: number
}

const readOnly = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const freshFile = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL

/**
 * At once: several threads that make files in one directory would only wait for each other. False where bytes are to be
 * copied.
 */
function cloneFile(state: State, source: Held, target: Held, name: ByteText, stats: BigIntStats): boolean {
  const opened: number[] = []
  try {
    const from = openSync(systemPath(joinBytes(source.path, name)), readOnly)
    opened.push(from)
    const mode = Number(stats.mode & 0o7777n)
    const to = openSync(systemPath(joinBytes(target.path, name)), freshFile, mode & 0o777)
    opened.push(to)
    if (stats.size > 0n && !shareBytes(state, from, to)) {
      unlinkSync(systemPath(joinBytes(target.path, name)))
      return false
    }
    if (mode !== (mode & 0o777 & ~state.umask)) fchmodSync(to, mode)
    finish(state.options, from, to, stats)
  } catch (error) {
    throw placed(error, source, name)
  } finally {
    for (const fd of opened) closeSync(fd)
  }
  state.options.report({ kind: 'advance', task: 'copy', items: 1, bytes: Number(stats.size) })
  return true
}

function shareBytes(state: State, from: number, to: number): boolean {
  try {
    sys.cloneFile(from, to)
    state.sharing = true
    return true
  } catch (error) {
    if (!isFault(error, 'unsupported') && !isFault(error, 'invalid')) throw error
    if (state.options.how === 'clone') throw new Fault('unsupported', 'the file cannot share its bytes with a copy', { cause: error })
    // One that differs from its neighbours in this, such as a file without copy-on-write, says nothing about them.
    state.sharing ??= false
    return false
  }
}

async function copyBytes(state: State, source: Held, target: Held, name: ByteText, stats: BigIntStats): Promise<void> {
  const { report, signal } = state.options
  const to = systemPath(joinBytes(target.path, name))
  let from: number | undefined
  try {
    from = openSync(systemPath(joinBytes(source.path, name)), readOnly)
    if (isSparse(stats)) state.written += await copyExtents(from, to, stats, signal)
    else {
      // The mode comes with the content.
      await copyWhole(`/proc/self/fd/${from}`, to)
      state.written += Number(stats.size)
    }
    finish(state.options, from, to, stats)
  } catch (error) {
    throw placed(error, source, name)
  } finally {
    if (from !== undefined) closeSync(from)
  }
  report({ kind: 'advance', task: 'copy', items: 1, bytes: Number(stats.size) })
}

/** All but the content and the mode. */
function finish({ owner, shortfall }: FileCopyOptions, from: number, to: Place, stats: BigIntStats): void {
  const isPlain = owner !== undefined && stats.uid === owner.uid && stats.gid === owner.gid && sys.listXattrs(from).length === 0
  if (isPlain) sys.setTimes(to, { modifiedNs: stats.mtimeNs })
  else copyAttributes(from, stats, to, shortfall)
}

/** In a thread of the pool that Node has for files. */
function copyWhole(from: string, to: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    copyFile(from, to, constants.COPYFILE_EXCL, (error) => (error === null ? resolve() : reject(error)))
  })
}

function placed(error: unknown, { name: outer }: Held, name: ByteText): Fault {
  const at = shownName(joinBytes(outer, name))
  if (isFault(error, 'unsupported')) return new Fault('unsupported', error.message, { at, cause: error.cause })
  return diskFault(error, at, 'copy it')
}
