import { closeSync, constants, ftruncateSync, openSync } from 'node:fs'
import { diskFault } from '../../../kit/index.ts'
import type { Intent } from '../state/journal.ts'
import type { State } from '../state/state.ts'
import type { TargetFolder } from './folder.ts'
import { hashPrefixes } from './hash.ts'
import { parseRunKey } from './key.ts'

/**
 * Sets right what a sync that was ended left half done: a file that is whole is remembered as such, and one that was being
 * appended to goes back to where it was. How many files that were.
 */
export async function recover(state: State, folder: TargetFolder, signal?: AbortSignal): Promise<number> {
  const unfinished = state.journal.unfinished()
  for (const intent of unfinished) {
    await settle(state, folder, intent, signal)
    state.journal.finished(intent.key)
  }
  return unfinished.length
}

async function settle(state: State, folder: TargetFolder, intent: Intent, signal: AbortSignal | undefined): Promise<void> {
  const { key, start, before, size, digest, hint } = intent
  const name = parseRunKey(key)
  const seen = folder.look(key)
  if (name === undefined || seen === undefined) return
  const run = state.files.runOf(name)
  const known = state.files.find(run, name.path)
  if (known?.facts === seen.facts) return
  const prefixes = await hashPrefixes(folder.pathOf(key), start > 0 ? [start, size] : [size], signal)
  const remember = (facts: string, length: number, content: typeof digest, told: string | undefined) =>
    state.files.put({ run, path: name.path, size: length, digest: content, hint: told, facts, state: 'ok', isGone: false })
  if (seen.size === size && prefixes.at(-1)?.offset === size && prefixes.at(-1)?.digest === digest)
    return remember(seen.facts, size, digest, hint)
  if (start === 0 || before === undefined || prefixes[0]?.offset !== start || prefixes[0].digest !== before) return
  cutTo(folder.pathOf(key), start)
  const now = folder.look(key)
  if (now !== undefined) remember(now.facts, start, before, undefined)
}

function cutTo(file: string, size: number): void {
  try {
    const descriptor = openSync(file, constants.O_WRONLY | constants.O_NOFOLLOW)
    try {
      ftruncateSync(descriptor, size)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw diskFault(error, file, 'cut off what was not appended whole')
  }
}
