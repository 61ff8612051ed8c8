import type { IndexContext } from '../context.ts'
import type { LearntFile } from '../records/note.ts'
import { type FoundNote, listNotes, removeNote } from '../records/notes.ts'
import { keyIn, startOf } from './layout.ts'
import type { ListedFile } from './scan.ts'

/** What mirrors left word of. */
export interface KnownNotes {
  /** Of this very version, or undefined. */
  of(prefix: string, row: ListedFile): LearntFile | undefined
  /** Removes the notes that tell only of files in these prefixes: those that are right are in a generation by now, the others are out of date. */
  settle(prefixes: readonly string[]): Promise<void>
}

/** To be read before the bucket is listed: then the listing has what the notes tell of, or something newer. */
export async function readNotes(context: IndexContext): Promise<KnownNotes> {
  const notes = await listNotes(context)
  const files = new Map<string, LearntFile[]>()
  for (const note of notes) {
    for (const file of note.files) {
      const same = files.get(file.key)
      if (same === undefined) files.set(file.key, [file])
      else same.push(file)
    }
  }
  return {
    of: (prefix, { name, size, etag }) => files.get(keyIn(prefix, name))?.findLast((file) => file.size === size && file.etag === etag),
    async settle(prefixes) {
      for (const note of notes) if (isWithin(note, prefixes)) await removeNote(context, note)
    },
  }
}

function isWithin({ files }: FoundNote, prefixes: readonly string[]): boolean {
  const isOf = (key: string, prefix: string) => {
    const start = startOf(prefix)
    return key.startsWith(start) && !key.slice(start.length).includes('/')
  }
  return files.every(({ key }) => prefixes.some((prefix) => isOf(key, prefix)))
}
