import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, errno, Fault } from '../../kit/index.ts'
import { type ByteText, shownName } from '../tree/name.ts'

/** In the root of a tree that is being restored in place. Never part of a snapshot. */
export const markName = '.holdfast-restoring'

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
