import { spawn } from 'node:child_process'
import { readdir, rename, rm } from 'node:fs/promises'
import { setPriority } from 'node:os'
import path from 'node:path'
import { diskFault, errno, makeDirectories } from '../kit/index.ts'
import { readMounts, realSys } from '../kit/sys/index.ts'
import type { Place } from './mode.ts'
import { layoutOf } from './names.ts'

/**
 * Throws a tree away: it is gone from its name when this returns, and its deletion goes on in a process that outlives this
 * one. Nothing to do where there is no such tree.
 */
export async function discard(place: Pick<Place, 'snapshotsDir' | 'random'>, tree: string): Promise<void> {
  const { trash } = layoutOf(place.snapshotsDir)
  const suffix = `-${Math.floor(place.random() * 2 ** 48).toString(36)}`
  try {
    await makeDirectories(trash)
    endMountsIn(tree)
    sweep([await renameAway(tree, path.join(trash, `${path.basename(tree)}${suffix}`), `${tree}${trashEnding}${suffix}`)])
  } catch (error) {
    const number = errno(error)
    if (number === 'ENOENT') return
    if (number !== 'ENOSPC' && number !== 'EDQUOT') throw diskFault(error, tree, 'throw it away')
    await deleteHere(tree)
  }
}

/** A killed command may have left its own mount there; a deletion would go on in what it shows. */
function endMountsIn(tree: string): void {
  const ours = readMounts().filter(({ at, source }) => source.startsWith('holdfast') && (at === tree || at.startsWith(`${tree}/`)))
  for (const { at } of ours.toReversed()) realSys.detachMount(at)
}

/** There is not even room for a name in the trash. */
async function deleteHere(tree: string): Promise<void> {
  try {
    await rm(tree, { recursive: true, force: true })
  } catch (error) {
    throw diskFault(error, tree, 'delete it')
  }
}

/** Goes on with deletions that were ended, and says how many. */
export async function sweepTrash({ snapshotsDir, live }: Pick<Place, 'snapshotsDir' | 'live'>): Promise<number> {
  const { trash } = layoutOf(snapshotsDir)
  const beside = await namesIn(path.dirname(live))
  const start = `.${path.basename(live)}.`
  return sweep([
    ...(await namesIn(trash)).map((name) => path.join(trash, name)),
    ...beside.filter((name) => name.startsWith(start) && name.includes(trashEnding)).map((name) => path.join(path.dirname(live), name)),
  ])
}

/** What a tree is called that lies on another file system than the trash, and so is deleted beside where it was. */
const trashEnding = '.holdfast-trash'

async function renameAway(tree: string, entry: string, beside: string): Promise<string> {
  try {
    await rename(tree, entry)
    return entry
  } catch (error) {
    if (errno(error) !== 'EXDEV') throw error
    await rename(tree, beside)
    return beside
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, directory, 'look for what is to be deleted')
  }
}

/** Files that were made immutable in a tree go too. */
const deletion = 'rm -rf -- "$@" 2>/dev/null || { chattr -R -f -i -a -- "$@"; rm -rf -- "$@"; }'

function sweep(entries: readonly string[]): number {
  // What somebody has mounted inside of a tree is not part of it.
  const mounts = entries.length === 0 ? [] : readMounts()
  const free = entries.filter((entry) => !mounts.some(({ at }) => at === entry || at.startsWith(`${entry}/`)))
  if (free.length === 0) return 0
  const child = spawn('/bin/sh', ['-c', deletion, 'sh', ...free], { detached: true, stdio: 'ignore', cwd: '/' })
  // What cannot be started now is tried again by the next command.
  child.on('error', () => undefined)
  child.unref()
  try {
    if (child.pid !== undefined) setPriority(child.pid, 19)
  } catch {
    // It has ended already.
  }
  return free.length
}
