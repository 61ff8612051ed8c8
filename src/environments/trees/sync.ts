import { closeSync, openSync } from 'node:fs'
import { diskFault } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'

/** Brings all that was written to a file system onto its disk: before something that tells that it is whole. */
export function syncTree(directory: string): void {
  let fd: number
  try {
    fd = openSync(directory, 'r')
  } catch (error) {
    throw diskFault(error, directory, 'write it to the disk')
  }
  try {
    sys.flushFileSystem(fd)
  } finally {
    closeSync(fd)
  }
}
