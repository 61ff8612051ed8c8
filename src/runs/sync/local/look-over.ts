import { setImmediate } from 'node:timers/promises'
import { isFault, throwIfAborted } from '../../../kit/index.ts'
import { runFolder } from '../../format/place.ts'
import type { KnownFile } from '../state/files.ts'
import type { State } from '../state/state.ts'
import type { Seen, TargetFolder } from './folder.ts'
import { hashFile } from './hash.ts'

const filesAtOnce = 2000

/**
 * Looks at every file that the client wrote, for what was removed or edited here since. Reads only those whose facts differ. A run with
 * such a file loses its mark, so that it is planned again. How many files there are that are not as they were left.
 */
export async function lookOver(state: State, folder: TargetFolder, signal?: AbortSignal): Promise<number> {
  let after = { run: -1, path: '' }
  let different = 0
  for (;;) {
    throwIfAborted(signal)
    const files = state.files.page(after, filesAtOnce)
    const last = files.at(-1)
    if (last === undefined) return different
    after = last
    let folderOfRun: { run: number; key: string } | undefined
    const changed: { file: KnownFile; seen: Seen | undefined }[] = []
    for (const file of files) {
      if (folderOfRun?.run !== file.run) folderOfRun = { run: file.run, key: runFolder(state.files.keyOf(file.run)) }
      const seen = lookAt(folder, `${folderOfRun.key}/${file.path}`)
      if (seen?.facts !== file.facts || file.state !== 'ok') changed.push({ file, seen })
    }
    if (changed.length > 0) {
      await state.during(async () => {
        for (const { file, seen } of changed) if (await judge(state, folder, file, seen, signal)) different++
      })
    }
    await setImmediate()
  }
}

/** Whether the file is other than it was left. */
async function judge(
  state: State,
  folder: TargetFolder,
  file: KnownFile,
  seen: Seen | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { files } = state
  if (seen === undefined) {
    // The source has it no more, and neither has this folder.
    if (file.isGone) {
      files.forget(file)
      return false
    }
    files.setState(file, 'missing', '')
    files.setMark(file.run, undefined)
    return true
  }
  // Looked at before, and not touched since.
  const isKnownEdit = seen.facts === file.facts && file.state === 'edited'
  const key = `${runFolder(files.keyOf(file.run))}/${file.path}`
  const isSame = !isKnownEdit && seen.size === file.size && (await hashFile(folder.pathOf(key), file.size, signal)) === file.digest
  files.setState(file, isSame ? 'ok' : 'edited', seen.facts)
  if (!isSame) files.setMark(file.run, undefined)
  return !isSame
}

/** Something else in its place, such as a link, is an edit. */
function lookAt(folder: TargetFolder, key: string): Seen | undefined {
  try {
    return folder.look(key)
  } catch (error) {
    if (!isFault(error, 'denied')) throw error
    return { facts: 'not a file', size: -1, modified: 0 }
  }
}
