import { lstatSync, rmdirSync, unlinkSync } from 'node:fs'
import { type ByteText, joinBytes, shownName, systemPath } from '../byte-text.ts'
import { diskFault, errno } from '../disk.ts'
import { type Held, holdInner, letGo, namesIn } from './held.ts'

/** Removes an entry of a directory with all that is in it, and no more: links are removed, not followed. How many entries that were. */
export function removeEntry(directory: Held, name: ByteText): number {
  const path = systemPath(joinBytes(directory.path, name))
  try {
    if (!lstatSync(path).isDirectory()) {
      unlinkSync(path)
      return 1
    }
  } catch (error) {
    if (errno(error) === 'ENOENT') return 0
    throw diskFault(error, shownName(joinBytes(directory.name, name)), 'remove it')
  }
  let count = 1
  const inner = holdInner(directory, name)
  try {
    for (const each of namesIn(inner.path)) count += removeEntry(inner, each)
  } finally {
    letGo(inner)
  }
  try {
    rmdirSync(path)
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(directory.name, name)), 'remove the directory')
  }
  return count
}
