import { promises as fs } from 'node:fs'
import path from 'node:path'
import { diskFault, errno, readSmallFile, realDisk, replaceFile, makeDirectories } from '../kit/index.ts'
import type { ResumeMemo } from '../store/index.ts'

/** A resume memo in a file that only its owner can read. Each save replaces it whole. */
export function fileMemo(file: string): ResumeMemo {
  return {
    load: () => readSmallFile(file),
    async save(text) {
      try {
        await makeDirectories(path.dirname(file), { mode: 0o700 })
      } catch (error) {
        throw diskFault(error, file, 'remember the upload')
      }
      await replaceFile(file, text, realDisk, 0o600)
    },
    async clear() {
      try {
        await fs.unlink(file)
      } catch (error) {
        if (errno(error) !== 'ENOENT') throw diskFault(error, file, 'forget the upload')
      }
    },
  }
}
