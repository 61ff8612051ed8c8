import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs'
import { diskFault, errno, isFault, temporaryBeside } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'

/**
 * Whether a file in one directory can share its bytes with one in the other: tried, with files that nobody sees and that
 * are gone afterwards. Whether one may write there is found out too.
 */
export function canClone(from: string, to: string): boolean {
  const source = openNameless(from)
  try {
    const target = openNameless(to)
    try {
      writeSync(source, Buffer.alloc(4096, 1))
      sys.cloneFile(source, target)
      return true
    } catch (error) {
      if (isFault(error, 'unsupported') || isFault(error, 'invalid')) return false
      throw diskFault(error, to, 'try to share the bytes of files')
    } finally {
      closeSync(target)
    }
  } finally {
    closeSync(source)
  }
}

// O_TMPFILE of Linux on x64 and arm64, less the O_DIRECTORY in it.
const nameless = 0o20000000

/** A file in a directory that has no name, or none any more: gone once it is closed. */
export function openNameless(directory: string): number {
  try {
    return openSync(directory, constants.O_RDWR | constants.O_DIRECTORY | nameless, 0o600)
  } catch (error) {
    if (errno(error) === 'EOPNOTSUPP' || errno(error) === 'EISDIR') return openNamed(directory)
    throw diskFault(error, directory, 'write a file there')
  }
}

/** Where every file has to have a name, it has one for a moment. */
function openNamed(directory: string): number {
  const file = temporaryBeside(`${directory}/file`)
  try {
    const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    unlinkSync(file)
    return fd
  } catch (error) {
    throw diskFault(error, directory, 'write a file there')
  }
}
