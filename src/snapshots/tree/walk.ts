import { type Digest, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Entry, NodeSource } from './entry.ts'
import { type ByteText, joinBytes, maxDepth, pathNames, rootName, shownName } from './name.ts'
import { readDirectory } from './split.ts'

/** An entry of a tree and where it is, from the snapshot's root. */
export interface Placed {
  readonly path: ByteText
  readonly entry: Entry
}

/** The tree itself: what the top node's one entry is. */
export async function readRoot(source: NodeSource, top: Digest, options: Signal = {}): Promise<Entry & { kind: 'directory' }> {
  const [root, ...others] = await readDirectory(source, top, options)
  if (root?.name !== rootName || root.kind !== 'directory' || others.length > 0) {
    throw new Fault('corrupt', 'the top node of a snapshot does not hold one directory called root', { at: top })
  }
  return root
}

/** What is at a path of the tree; the root itself for no path. Links are not followed. Throws `not-found` with the part that is missing. */
export async function lookUp(source: NodeSource, top: Digest, path: ByteText, options: Signal = {}): Promise<Placed> {
  let at: Placed = { path: '', entry: await readRoot(source, top, options) }
  for (const name of pathNames(path)) {
    const { entry } = at
    const below = joinBytes(at.path, name)
    if (entry.kind !== 'directory') {
      throw new Fault('not-found', `the snapshot has no ${shownName(below)}: ${shownName(at.path)} is no directory there`)
    }
    const found = (await readDirectory(source, entry.node, options)).find((inner) => inner.name === name)
    if (found === undefined)
      throw new Fault('not-found', `the snapshot has no ${shownName(below)}`, { hint: 'see what it has: holdfast snapshot ls' })
    at = { path: below, entry: found }
  }
  return at
}

/** All that is below a directory, each directory before what is in it, in the order of names. `enter` may leave one closed. */
export async function* walkTree(
  source: NodeSource,
  from: Placed,
  options: Signal & { readonly enter?: (placed: Placed) => boolean } = {},
): AsyncGenerator<Placed> {
  // Directories that are open, the innermost last: generators within each other would use up the stack in a deep tree.
  const open: { readonly path: ByteText; readonly entries: Iterator<Entry> }[] = []
  const enter = async ({ path, entry }: Placed) => {
    if (entry.kind !== 'directory') return
    if (open.length > maxDepth)
      throw new Fault('corrupt', `the tree is deeper than ${maxDepth} directories`, { at: shownName(path.slice(0, 200)) })
    open.push({ path, entries: (await readDirectory(source, entry.node, options)).values() })
  }
  await enter(from)
  for (let inmost = open.at(-1); inmost !== undefined; inmost = open.at(-1)) {
    const { done, value: entry } = inmost.entries.next()
    if (done === true) open.pop()
    else {
      const placed = { path: joinBytes(inmost.path, entry.name), entry }
      yield placed
      if (entry.kind === 'directory' && options.enter?.(placed) !== false) await enter(placed)
    }
  }
}
