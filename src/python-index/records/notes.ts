import { bytesOf, canonicalJson, isFault, mapBounded, parseJson } from '../../kit/index.ts'
import { readAll } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { factsFolder } from './facts.ts'
import { type LearntFile, noteFormat, type LearntNote, noteShape } from './note.ts'

/** Notes that are read at once. */
const width = 8
const maxNoteBytes = 64 << 20

export interface FoundNote {
  /** In the store. */
  readonly key: string
  readonly files: readonly LearntFile[]
}

/** Oldest first. One list and a request each; one that cannot be read tells nothing, and can be removed like any other. */
export async function listNotes(context: Pick<IndexContext, 'store' | 'environment' | 'signal'>): Promise<FoundNote[]> {
  const { store, signal } = context
  const keys: string[] = []
  for await (const { key } of store.list(notesFolder(context), { signal })) keys.push(key)
  const notes = await mapBounded(
    keys.sort(),
    width,
    async (key, inner): Promise<FoundNote | undefined> => {
      try {
        const { bytes } = await readAll(store, key, { limit: maxNoteBytes, signal: inner })
        return { key, files: parseJson(noteShape, bytes, `${store.name}/${key}`).files }
      } catch (error) {
        if (isFault(error, 'not-found')) return undefined
        if (isFault(error, 'corrupt')) return { key, files: [] }
        throw error
      }
    },
    signal,
  )
  return notes.filter((note) => note !== undefined)
}

/** Leaves what is known of files for the next publication. One request. The place must have been made a store before. */
export async function putNote(
  context: Pick<IndexContext, 'store' | 'environment' | 'clock' | 'random' | 'signal'>,
  files: readonly LearntFile[],
): Promise<void> {
  const time = new Date(context.clock.now()).toISOString().replaceAll(/[-:.]/g, '')
  const chance = Math.floor(context.random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')
  const note: LearntNote = { format: noteFormat, files }
  await context.store.put(`${notesFolder(context)}${time}-${chance}.json`, bytesOf(canonicalJson(note) + '\n'), {
    contentType: 'application/json',
    signal: context.signal,
  })
}

export async function removeNote(
  { store, signal }: Pick<IndexContext, 'store' | 'signal'>,
  { key }: Pick<FoundNote, 'key'>,
): Promise<void> {
  await store.delete(key, { signal })
}

function notesFolder(context: Pick<IndexContext, 'environment'>): string {
  return `${factsFolder(context)}notes/`
}
