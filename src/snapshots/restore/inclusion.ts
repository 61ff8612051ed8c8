import { Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { NodeSource } from '../tree/entry.ts'
import { globOf } from '../tree/glob.ts'
import type { ByteText } from '../tree/name.ts'
import { type Placed, walkTree } from '../tree/walk.ts'
import type { Inclusion } from './restoring.ts'

const everything: Inclusion = { isAll: true, has: () => true, hasAllOf: () => true }

/**
 * What the globs mean in this tree: an entry that matches, with all below it, and the directories on the way to it. Throws `nothing-to-do`
 * where one of them matches nothing.
 */
export async function inclusionOf(source: NodeSource, from: Placed, globs: readonly string[], options: Signal): Promise<Inclusion> {
  if (globs.length === 0) return everything
  const patterns = globs.map(globOf)
  const unused = new Set(patterns)
  const start = from.path === '' ? 0 : from.path.length + 1
  const matches = new Set<ByteText>()
  const onTheWay = new Set<ByteText>()
  // What is below a match belongs to it, and is looked at for the other globs only.
  const enter = ({ path: whole }: Placed) => unused.size > 0 || !matches.has(whole.slice(start))
  for await (const { path: whole, entry } of walkTree(source, from, { ...options, enter })) {
    const below = whole.slice(start)
    const matching = patterns.filter((pattern) => pattern.matches(below, entry.kind === 'directory'))
    if (matching.length === 0) continue
    for (const pattern of matching) unused.delete(pattern)
    matches.add(below)
    for (const outer of directoriesOn(below)) onTheWay.add(outer)
  }
  if (unused.size > 0)
    throw new Fault('nothing-to-do', `nothing in the snapshot matches ${[...unused].map(({ text }) => text).join(', ')}`, {
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
