import { asFault, forEachBounded } from '../../kit/index.ts'
import { runFolder } from '../format/place.ts'
import { openTargetFolder, type TargetFolder } from './local/folder.ts'
import { hashFile } from './local/hash.ts'
import type { KnownFile } from './state/files.ts'
import type { Failure } from './state/plan.ts'
import { readState, type State } from './state/state.ts'

/** A file that is not what was synced. */
export interface Difference {
  readonly key: string
  readonly what: 'missing' | 'changed' | 'unreadable'
  readonly why: string
}

export interface VerifiedRuns {
  readonly source: string | undefined
  readonly files: number
  readonly bytes: number
  readonly differences: { readonly count: number; readonly first: readonly Difference[] }
  /** What could not be synced, and waits for the next sync. */
  readonly pending: { readonly count: number; readonly first: readonly (Failure & { readonly since: number })[] }
}

const filesAtOnce = 1000
const width = 4
const mostNamed = 1000

/** Reads every file that was synced and compares it with its digest. Changes nothing. Throws `not-found` where nothing was synced. */
export async function verifyRuns(root: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<VerifiedRuns> {
  const state = readState(root)
  try {
    const folder = openTargetFolder(root)
    const first: Difference[] = []
    let [files, bytes, count] = [0, 0, 0]
    for (let after = { run: -1, path: '' }; ;) {
      const page = state.files.page(after, filesAtOnce)
      const last = page.at(-1)
      if (last === undefined) break
      after = last
      const look = async (file: KnownFile) => {
        files++
        bytes += file.size
        const difference = await compare(state, folder, file, options.signal)
        if (difference === undefined) return
        count++
        if (first.length < mostNamed) first.push(difference)
      }
      await forEachBounded(page, width, look, options.signal)
    }
    first.sort((a, b) => (a.key < b.key ? -1 : 1))
    return { source: state.meta('source'), files, bytes, differences: { count, first }, pending: state.journal.pending(mostNamed) }
  } finally {
    state.close()
  }
}

async function compare(
  state: State,
  folder: TargetFolder,
  file: KnownFile,
  signal: AbortSignal | undefined,
): Promise<Difference | undefined> {
  const key = `${runFolder(state.files.keyOf(file.run))}/${file.path}`
  try {
    const seen = folder.look(key)
    if (seen === undefined) {
      return file.isGone ? undefined : { key, what: 'missing', why: 'it was removed here' }
    }
    if (seen.size !== file.size) return { key, what: 'changed', why: `it has ${seen.size} bytes, and ${file.size} were synced` }
    const digest = await hashFile(folder.pathOf(key), file.size, signal)
    return digest === file.digest ? undefined : { key, what: 'changed', why: `it should be ${file.digest} and is ${digest ?? 'shorter'}` }
  } catch (error) {
    const fault = asFault(error)
    if (fault.code === 'aborted' || fault.code === 'bug') throw fault
    return { key, what: 'unreadable', why: fault.message }
  }
}
