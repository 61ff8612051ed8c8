import path from 'node:path'
import { Fault } from '../../kit/index.ts'
import { type ByteText, shownName } from './name.ts'

/** One glob that somebody wrote. */
export interface Glob {
  /** As it was written. */
  readonly text: string
  /** `below` is the path from the root. */
  matches(below: ByteText, isDirectory: boolean): boolean
}

/**
 * Globs have `*`, `?`, `[…]`, `{a,b}` and `**`. Without a slash a glob means a name anywhere; with one, a path from the root, and then `/` or
 * `./` in front changes nothing; one at its end means directories only. Throws `invalid` for one that is empty without its slashes.
 */
export function globOf(text: string): Glob {
  const trimmed = text.replace(/\/+$/, '')
  const glob = trimmed.replace(/^(?:\.?\/+)+/, '')
  if (glob === '' || glob === '.')
    throw new Fault('invalid', `not a glob: ${JSON.stringify(text)}`, { hint: 'write one like *.log, cache/ or build/**/*.o' })
  const isName = !trimmed.includes('/')
  const onlyDirectories = text.endsWith('/')
  return {
    text,
    matches(below, isDirectory) {
      if (onlyDirectories && !isDirectory) return false
      const shown = shownName(below)
      return path.posix.matchesGlob(isName ? shown.slice(shown.lastIndexOf('/') + 1) : shown, glob)
    },
  }
}
