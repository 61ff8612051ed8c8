import type { IndexContext } from '../context.ts'
import { putNote } from '../records/notes.ts'
import type { LearntFile } from '../records/note.ts'

/** What is known of files by now, kept for the next publication. */
export interface Learnt {
  /** `moved`: bytes that it took to know. */
  add(file: LearntFile, moved: number): Promise<void>
  /** Keeps what was not yet kept, also after the signal has fired. */
  keep(): Promise<void>
}

/** So much may have to be looked at again where a mirror is killed. */
const most = { files: 5_000, bytes: 8 * 2 ** 30 }

/** One note for all, unless there is so much that its loss would cost. */
export function createLearnt(context: IndexContext): Learnt {
  let files: LearntFile[] = []
  let bytes = 0
  const keep = async () => {
    if (files.length === 0) return
    const kept = files
    files = []
    bytes = 0
    await putNote({ ...context, signal: undefined }, kept)
  }
  return {
    async add(file, moved) {
      files.push(file)
      bytes += moved
      if (files.length >= most.files || bytes >= most.bytes) await keep()
    },
    keep,
  }
}
