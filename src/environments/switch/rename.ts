import { lstatSync, renameSync } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, Fault, isFault, realDisk, syncDirectory, makeDirectoriesSync } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'

/**
 * Puts a prepared tree in the place of the live directory, in one step: whoever looks sees the one or the other. Both lie on
 * one file system, and the live directory may be missing. What was there is at `prepared` afterwards; the answer says whether
 * anything is. When this returns, the names are on disk. `unsupported` where the file system cannot exchange names. Killed, it may leave either
 * tree at `stepOf(live)`.
 */
export async function switchTrees(prepared: string, live: string): Promise<'replaced-aside' | 'nothing-aside'> {
  if (prepared.startsWith(live + path.sep)) throw unexchangeable(live, new Error('the one lies in the other'))
  const step = stepOf(live)
  // Next to the live directory first: with one parent, no file system gives what is exchanged a new time, which a kill could leave.
  move(prepared, step)
  const outcome = isMissing(live) ? take(step, live) : exchange(step, live, prepared)
  // One change of two directories: with the one, the other is on disk too.
  await syncDirectory(realDisk, path.dirname(live))
  return outcome
}

/** Where a tree is for the moment before it takes the place of the live directory, or after it had it. */
export function stepOf(live: string): string {
  return path.join(path.dirname(live), `.${path.basename(live)}.holdfast-step`)
}

/** With its time. */
function move(from: string, to: string): void {
  const keepTime = rememberTime(from)
  try {
    makeDirectoriesSync(path.dirname(to))
    renameSync(from, to)
  } catch (error) {
    throw diskFault(error, to, 'give the prepared tree its name')
  }
  keepTime(to)
}

/** Renames a prepared directory to a free name, which is on disk when this returns. */
export async function placeTree(prepared: string, tree: string): Promise<void> {
  move(prepared, tree)
  await syncDirectory(realDisk, path.dirname(tree))
}

/** Some file systems give a directory a new time as it gets another parent (xfs). The answer, told where it is then, gives it the old one back. */
export function rememberTime(prepared: string): (moved: string) => void {
  const before = lstatSync(prepared, { bigint: true, throwIfNoEntry: false })
  return (moved) => {
    if (before === undefined || lstatSync(moved, { bigint: true }).mtimeNs === before.mtimeNs) return
    realSys.setTimes(moved, { modifiedNs: before.mtimeNs })
  }
}

function isMissing(live: string): boolean {
  try {
    lstatSync(live)
    return false
  } catch (error) {
    if (errno(error) === 'ENOENT') return true
    throw diskFault(error, live, 'look at the live directory')
  }
}

/** A directory may take the name of one that is empty, so nothing is lost where one has come meanwhile. */
function take(step: string, live: string): 'nothing-aside' {
  move(step, live)
  return 'nothing-aside'
}

function exchange(step: string, live: string, aside: string): 'replaced-aside' {
  try {
    realSys.exchangeNames(step, live)
    return 'replaced-aside'
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    throw unexchangeable(live, error)
  } finally {
    move(step, aside)
  }
}

function unexchangeable(live: string, cause: Error): Fault {
  return new Fault('unsupported', `the live directory cannot be exchanged with a prepared one: ${cause.message}`, {
    at: live,
    hint: 'keep live directory and snapshots on one file system that can (ext4, xfs, btrfs, tmpfs), or set mode = "filesystem"',
    cause,
  })
}
