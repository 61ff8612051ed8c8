import { throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { hasSameContent } from '../tree/compare.ts'
import type { Content, Entry, NodeSource } from '../tree/entry.ts'
import type { ByteText } from '../tree/name.ts'
import { type Placed, walkTree } from '../tree/walk.ts'

/** An entry of an archive: in the order of the tree, each directory before what is in it. */
export interface Member {
  /** Below the root of the archive; nothing for the root itself. */
  readonly path: ByteText
  readonly entry: Entry
  /** The path of a member that went before, of which this is another name. Its content goes without saying then. */
  readonly linkTo: ByteText | undefined
}

/** The members that a part of a snapshot becomes; the same each time. A file, which has no root around it, is called by its own name. */
export type Members = () => AsyncIterable<Member>

/** Each name of a file is a file of its own. */
export function membersWithoutLinks(source: NodeSource, from: Placed, options: Signal): Members {
  return async function* () {
    for await (const { path, entry } of walkFrom(source, from, options)) yield { path: innerPath(from, path), entry, linkTo: undefined }
  }
}

/**
 * Further names of a file are links to the one of them that comes first. Which files have any is found out before, by a walk of its own:
 * the first name that the snapshot knows may lie outside of the part, or come later.
 */
export function membersWithLinks(source: NodeSource, from: Placed, options: Signal): Members {
  return async function* () {
    const linked = new Set<ByteText>()
    for await (const { entry } of walkFrom(source, from, options)) if (entry.kind === 'hardlink') linked.add(entry.target)
    const first = new Map<ByteText, { readonly path: ByteText; readonly content: Content }>()
    for await (const { path: whole, entry } of walkFrom(source, from, options)) {
      const path = innerPath(from, whole)
      const group = entry.kind === 'hardlink' ? entry.target : whole
      if (!('content' in entry) || !linked.has(group)) {
        yield { path, entry, linkTo: undefined }
        continue
      }
      const before = first.get(group)
      if (before === undefined) first.set(group, { path, content: entry.content })
      // A tree that somebody forged may call unequal files names of one.
      const isSame = before !== undefined && hasSameContent(before.content, entry.content)
      yield { path, entry, linkTo: isSame ? before.path : undefined }
    }
  }
}

async function* walkFrom(source: NodeSource, from: Placed, options: Signal): AsyncGenerator<Placed> {
  yield from
  for await (const placed of walkTree(source, from, options)) {
    throwIfAborted(options.signal)
    yield placed
  }
}

function innerPath(from: Placed, path: ByteText): ByteText {
  if (from.entry.kind !== 'directory') return from.entry.name
  return from.path === '' ? path : path.slice(from.path.length + 1)
}
