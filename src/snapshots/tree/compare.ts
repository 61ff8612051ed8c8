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
  // Directories that are open on both sides, the innermost last.
  const open: Iterator<Pair>[] = [[{ path: after.path, before: before.entry, after: after.entry }].values()]
  for (let inmost = open.at(-1); inmost !== undefined; inmost = open.at(-1)) {
    throwIfAborted(options.signal)
    const { done, value: pair } = inmost.next()
    if (done === true) open.pop()
    else {
      yield* compareEntries(source, pair, options)
      const inner = await pairsIn(source, pair, options)
      if (inner !== undefined) open.push(inner.values())
    }
  }
}

/** What is at one path before and after; one of them at least. */
interface Pair {
  readonly path: ByteText
  readonly before?: Entry | undefined
  readonly after?: Entry | undefined
}

/** Without what is in directories of both sides. */
async function* compareEntries(source: NodeSource, { path, before, after }: Pair, options: Signal): AsyncGenerator<Difference> {
  if (before !== undefined && after !== undefined) {
    const aspects = aspectsOf(before, after)
    if (aspects.length > 0) yield { kind: 'changed', path, before, after, aspects }
    if (before.kind === 'directory' && after.kind === 'directory') return
  } else if (before !== undefined) yield { kind: 'removed', path, before }
  else if (after !== undefined) yield { kind: 'added', path, after }
  if (before !== undefined)
    for await (const inner of walkTree(source, { path, entry: before }, options))
      yield { kind: 'removed', path: inner.path, before: inner.entry }
  if (after !== undefined)
    for await (const inner of walkTree(source, { path, entry: after }, options))
      yield { kind: 'added', path: inner.path, after: inner.entry }
}

/** The entries of a directory that differs, by name; undefined where there is none on both sides, or it is the same. */
async function pairsIn(source: NodeSource, { path, before, after }: Pair, options: Signal): Promise<Pair[] | undefined> {
  if (before?.kind !== 'directory' || after?.kind !== 'directory' || before.node === after.node) return undefined
  const old = await readDirectory(source, before.node, options)
  const now = await readDirectory(source, after.node, options)
  const pairs: Pair[] = []
  let i = 0
  let j = 0
  while (i < old.length || j < now.length) {
    const a = old[i]
    const b = now[j]
    const isRemoved = b === undefined || (a !== undefined && a.name < b.name)
    const isAdded = a === undefined || (b !== undefined && b.name < a.name)
    if (!isAdded) i++
    if (!isRemoved) j++
    pairs.push({
      path: joinBytes(path, (isAdded ? b! : a).name),
      before: isAdded ? undefined : a,
      after: isRemoved ? undefined : b,
    })
  }
  return pairs
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
