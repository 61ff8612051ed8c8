import path from 'node:path'
import { Fault } from '../../kit/index.ts'
import { type ByteText, shownName } from '../tree/name.ts'

/** Tells whether a path below the base is left out. */
export type Excluded = (below: ByteText, isDirectory: boolean) => boolean

/**
 * Globs with `*`, `?`, `[…]`, `{a,b}` and `**`. Without a slash a glob means a name anywhere; with one, a path from the base (a slash
 * in front changes nothing else); one that ends in a slash means directories only. What is below an excluded directory is left out with it.
 */
export function excludedBy(globs: readonly string[]): Excluded {
  const rules = globs.map(ruleOf)
  if (rules.length === 0) return () => false
  return (below, isDirectory) => {
    const shown = shownName(below)
    const name = shown.slice(shown.lastIndexOf('/') + 1)
    return rules.some((rule) => (isDirectory || !rule.onlyDirectories) && path.posix.matchesGlob(rule.isName ? name : shown, rule.glob))
  }
}

function ruleOf(text: string): { glob: string; isName: boolean; onlyDirectories: boolean } {
  const onlyDirectories = text.endsWith('/')
  const trimmed = text.replace(/\/+$/, '')
  const glob = trimmed.replace(/^\/+/, '')
  if (glob === '')
    throw new Fault('invalid', `not a glob: ${JSON.stringify(text)}`, { hint: 'write one like *.log, cache/ or build/**/*.o' })
  return { glob, isName: !trimmed.includes('/'), onlyDirectories }
}
