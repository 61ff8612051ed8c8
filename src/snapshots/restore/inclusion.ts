import path from 'node:path'
import { Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { NodeSource } from '../tree/entry.ts'
import { type ByteText, shownName } from '../tree/name.ts'
import { type Placed, walkTree } from '../tree/walk.ts'
import type { Inclusion } from './restoring.ts'

const everything: Inclusion = { isAll: true, has: () => true, hasAllOf: () => true }

/**
 * What the globs mean in this tree: an entry whose name, or path where the glob has a slash, matches, with all below it, and the directories
 * on the way to it. Throws `nothing-to-do` where nothing matches.
 */
export async function inclusionOf(source: NodeSource, from: Placed, globs: readonly string[], options: Signal): Promise<Inclusion> {
  if (globs.length === 0) return everything
  const patterns = globs.map((glob) => ({ isPath: glob.includes('/'), glob: glob.replace(/^\/+|\/+$/g, '') }))
  const start = from.path === '' ? 0 : from.path.length + 1
  const matches = new Set<ByteText>()
  const onTheWay = new Set<ByteText>()
  const isMatch = (below: ByteText, name: ByteText) =>
    patterns.some(({ isPath, glob }) => path.posix.matchesGlob(shownName(isPath ? below : name), glob))
  const enter = ({ path: whole }: Placed) => !matches.has(whole.slice(start))
  for await (const { path: whole, entry } of walkTree(source, from, { ...options, enter })) {
    const below = whole.slice(start)
    if (!isMatch(below, entry.name)) continue
    matches.add(below)
    for (const outer of directoriesOn(below)) onTheWay.add(outer)
  }
  if (matches.size === 0)
    throw new Fault('nothing-to-do', `nothing in the snapshot matches ${globs.join(', ')}`, {
      hint: 'see what it has: holdfast snapshot ls',
    })
  const hasAllOf = (below: ByteText) => matches.has(below) || directoriesOn(below).some((outer) => matches.has(outer))
  return { isAll: false, has: (below) => onTheWay.has(below) || hasAllOf(below), hasAllOf }
}

/** `a/b/c` -> ``, `a`, `a/b`. */
export function directoriesOn(below: ByteText): ByteText[] {
  const names = below.split('/')
  return names.map((_name, index) => names.slice(0, index).join('/'))
}
