import { lstatSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, Fault, isFault, realDisk, syncDirectory } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'

/**
 * Puts a prepared tree in the place of the live directory, in one step: whoever looks sees the one or the other. Both lie on
 * one file system, and the live directory may be missing. What was there is at `prepared` afterwards; the answer says whether
 * anything is. When this returns, the names are on disk. `unsupported` where the file system cannot exchange names.
 */
export async function switchTrees(prepared: string, live: string): Promise<'replaced-aside' | 'nothing-aside'> {
  const keepTime = rememberTime(prepared)
  const outcome = isMissing(live) ? take(prepared, live) : exchange(prepared, live)
  keepTime(live)
  // One change of two directories: with the one, the other is on disk too.
  await syncDirectory(realDisk, path.dirname(live))
  return outcome
}

/** Renames a prepared directory to a free name, which is on disk when this returns. */
export async function placeTree(prepared: string, tree: string): Promise<void> {
  const keepTime = rememberTime(prepared)
  try {
    renameSync(prepared, tree)
  } catch (error) {
    throw diskFault(error, tree, 'give the prepared tree its name')
  }
  keepTime(tree)
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
function take(prepared: string, live: string): 'nothing-aside' {
  try {
    mkdirSync(path.dirname(live), { recursive: true })
    renameSync(prepared, live)
    return 'nothing-aside'
  } catch (error) {
    throw diskFault(error, live, 'give the prepared tree its name')
  }
}

function exchange(prepared: string, live: string): 'replaced-aside' {
  try {
    realSys.exchangeNames(prepared, live)
    return 'replaced-aside'
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    throw new Fault('unsupported', `the live directory cannot be exchanged with a prepared one: ${error.message}`, {
      at: live,
      hint: 'keep live directory and snapshots on one file system that can (ext4, xfs, btrfs, tmpfs), or set mode = "filesystem"',
      cause: error,
    })
  }
}
