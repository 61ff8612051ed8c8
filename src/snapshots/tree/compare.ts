import { throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Content, Entry, NodeSource } from './entry.ts'
import { type ByteText, joinBytes } from './name.ts'
import { readDirectory } from './split.ts'
import { type Placed, walkTree } from './walk.ts'

export type Aspect = 'kind' | 'content' | 'target' | 'device' | 'mode' | 'owner' | 'time' | 'xattrs'

/** How two trees differ at one path. */
export type Difference =
  | { readonly kind: 'added'; readonly path: ByteText; readonly after: Entry }
  | { readonly kind: 'removed'; readonly path: ByteText; readonly before: Entry }
  | {
      readonly kind: 'changed'
      readonly path: ByteText
      readonly before: Entry
      readonly after: Entry
      readonly aspects: readonly Aspect[]
    }

/** Where two trees differ, in the order of paths. What has the same node on both sides is not looked into. */
export async function* compareTrees(source: NodeSource, before: Placed, after: Placed, options: Signal = {}): AsyncGenerator<Difference> {
  yield* compareEntries(source, after.path, before.entry, after.entry, options)
}

async function* compareEntries(
  source: NodeSource,
  path: ByteText,
  before: Entry,
  after: Entry,
  options: Signal,
): AsyncGenerator<Difference> {
  throwIfAborted(options.signal)
  const aspects = aspectsOf(before, after)
  if (aspects.length > 0) yield { kind: 'changed', path, before, after, aspects }
  if (before.kind === 'directory' && after.kind === 'directory') {
    if (before.node !== after.node) yield* compareDirectories(source, path, before, after, options)
    return
  }
  for await (const inner of walkTree(source, { path, entry: before }, options))
    yield { kind: 'removed', path: inner.path, before: inner.entry }
  for await (const inner of walkTree(source, { path, entry: after }, options)) yield { kind: 'added', path: inner.path, after: inner.entry }
}

type Directory = Entry & { readonly kind: 'directory' }

async function* compareDirectories(
  source: NodeSource,
  path: ByteText,
  before: Directory,
  after: Directory,
  options: Signal,
): AsyncGenerator<Difference> {
  const old = await readDirectory(source, before.node, options)
  const now = await readDirectory(source, after.node, options)
  let i = 0
  let j = 0
  while (i < old.length || j < now.length) {
    const a = old[i]
    const b = now[j]
    if (b === undefined || (a !== undefined && a.name < b.name)) {
      i++
      const placed = { path: joinBytes(path, a!.name), entry: a! }
      yield { kind: 'removed', path: placed.path, before: a! }
      for await (const inner of walkTree(source, placed, options)) yield { kind: 'removed', path: inner.path, before: inner.entry }
    } else if (a === undefined || b.name < a.name) {
      j++
      const placed = { path: joinBytes(path, b.name), entry: b }
      yield { kind: 'added', path: placed.path, after: b }
      for await (const inner of walkTree(source, placed, options)) yield { kind: 'added', path: inner.path, after: inner.entry }
    } else {
      i++
      j++
      yield* compareEntries(source, joinBytes(path, b.name), a, b, options)
    }
  }
}

/** In what two entries of one name differ; for directories, without what is in them. */
export function aspectsOf(before: Entry, after: Entry): Aspect[] {
  const aspects: Aspect[] = []
  const differs = (aspect: Aspect, isDifferent: boolean) => {
    if (isDifferent) aspects.push(aspect)
  }
  if (sortOf(before) === sortOf(after)) {
    differs('content', 'content' in before && 'content' in after && !hasSameContent(before.content, after.content))
    differs('target', targetOf(before) !== targetOf(after))
    differs('device', deviceOf(before) !== deviceOf(after))
  } else aspects.push('kind')
  differs('mode', before.mode !== after.mode)
  differs('owner', before.uid !== after.uid || before.gid !== after.gid || before.user !== after.user || before.group !== after.group)
  differs('time', before.mtimeNs !== after.mtimeNs)
  differs('xattrs', !hasSameXattrs(before, after))
  return aspects
}

/** A further name of a file is a file. */
function sortOf({ kind }: Entry): string {
  return kind === 'hardlink' ? 'file' : kind
}

function targetOf(entry: Entry): ByteText | undefined {
  return 'target' in entry ? entry.target : undefined
}

function deviceOf(entry: Entry): string | undefined {
  return 'major' in entry ? `${entry.major}:${entry.minor}` : undefined
}

export function hasSameContent(a: Content, b: Content): boolean {
  if (a.size !== b.size || a.list !== b.list || a.parts?.length !== b.parts?.length) return false
  return a.parts?.every(({ id, length }, index) => id === b.parts![index]!.id && length === b.parts![index]!.length) ?? true
}

function hasSameXattrs(a: Entry, b: Entry): boolean {
  // Not known on one side is no difference.
  if (a.xattrs === undefined || b.xattrs === undefined) return true
  return (
    a.xattrs.length === b.xattrs.length &&
    a.xattrs.every(({ name, value }, index) => name === b.xattrs![index]!.name && Buffer.compare(value, b.xattrs![index]!.value) === 0)
  )
}
