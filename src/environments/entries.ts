import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { type ByteText, byteText, diskFault, Fault, isFault, shownName, throwIfAborted } from '../kit/index.ts'
import { realSys } from '../kit/sys/index.ts'

export type TreeEntryKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character-device' | 'block-device'

/** What a tree has at one path. */
export interface TreeEntry {
  /** Below the root; empty for the root itself. One character for each byte. */
  readonly path: ByteText
  readonly kind: TreeEntryKind
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Of a file; 0 of all else. */
  readonly size: number
  readonly mtimeNs: bigint
  /** Of a symbolic link. */
  readonly target: ByteText | undefined
  /** Of a device. */
  readonly device: bigint | undefined
  /** The first path of the same file, where this is a further one. */
  readonly linkOf: ByteText | undefined
  /** In byte order: name, `=`, value in hex. */
  readonly xattrs: readonly string[]
}

/** Directories on the way from the root to an entry. */
const maxDepth = 2000

/**
 * All entries of a tree, the root first, each directory before what is in it, in the order of bytes. Throws for what it cannot read, and
 * for what goes meanwhile; of a tree that `changes`, that is left out.
 */
export async function* walkEntries(
  root: string,
  signal?: AbortSignal,
  { changes = false }: { readonly changes?: boolean } = {},
): AsyncGenerator<TreeEntry> {
  const top = byteText(root)
  const see = changes ? unlessGone : <T>(look: () => T): T | undefined => look()
  const seen = new Map<string, ByteText>()
  const open: { readonly path: ByteText; readonly depth: number }[] = []
  yield entryOf(top, '', seen)
  open.push({ path: '', depth: 0 })
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    throwIfAborted(signal)
    if (directory.depth > maxDepth)
      throw new Fault('invalid', `the tree is deeper than ${maxDepth} directories`, { at: shownName(directory.path.slice(0, 200)) })
    const below: { path: ByteText; depth: number }[] = []
    for (const name of see(() => namesIn(top, directory.path)) ?? []) {
      const entry = see(() => entryOf(top, directory.path === '' ? name : `${directory.path}/${name}`, seen))
      if (entry === undefined) continue
      yield entry
      if (entry.kind === 'directory') below.push({ path: entry.path, depth: directory.depth + 1 })
    }
    open.push(...below.reverse())
  }
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

/** How much there is, as far as it does not go meanwhile: entries without the root, and bytes of files, each file once; and where the largest is. */
export async function measureTree(
  root: string,
  signal?: AbortSignal,
): Promise<{ entries: number; bytes: number; files: readonly number[]; largest: ByteText | undefined }> {
  let entries = -1
  const files: number[] = []
  let [largest, most]: [ByteText | undefined, number] = [undefined, -1]
  for await (const entry of walkEntries(root, signal, { changes: true })) {
    entries++
    if (entry.kind !== 'file' || entry.linkOf !== undefined) continue
    files.push(entry.size)
    if (entry.size > most) [largest, most] = [entry.path, entry.size]
  }
  return { entries, bytes: files.reduce((sum, size) => sum + size, 0), files, largest }
}

/** What system calls take. */
export function pathBytes(root: ByteText, path: ByteText): Buffer {
  return Buffer.from(path === '' ? root : `${root}/${path}`, 'latin1')
}

function namesIn(root: ByteText, directory: ByteText): string[] {
  try {
    return readdirSync(pathBytes(root, directory), { encoding: 'latin1' }).sort(compareBytes)
  } catch (error) {
    throw diskFault(error, shownName(`${root}/${directory}`), 'list the directory')
  }
}

function compareBytes(a: string, b: string): number {
  return a < b ? -1 : 1
}

function entryOf(root: ByteText, path: ByteText, seen: Map<string, ByteText>): TreeEntry {
  const at = pathBytes(root, path)
  try {
    const stats = lstatSync(at, { bigint: true })
    const kind = kindOf(stats)
    const isDevice = kind === 'character-device' || kind === 'block-device'
    return {
      path,
      kind,
      mode: kind === 'symlink' ? 0o777 : Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      size: kind === 'file' ? Number(stats.size) : 0,
      mtimeNs: stats.mtimeNs,
      target: kind === 'symlink' ? readlinkSync(at, { encoding: 'latin1' }) : undefined,
      device: isDevice ? stats.rdev : undefined,
      linkOf: stats.nlink > 1n && kind !== 'directory' ? firstNameOf(stats, path, seen) : undefined,
      xattrs: xattrsOf(at),
    }
  } catch (error) {
    throw diskFault(error, shownName(at.toString('latin1')), 'read its attributes')
  }
}

function firstNameOf(stats: BigIntStats, path: ByteText, seen: Map<string, ByteText>): ByteText | undefined {
  const key = `${stats.dev}:${stats.ino}`
  const first = seen.get(key)
  if (first === undefined) seen.set(key, path)
  return first
}

/** Without those that a mount writes for itself. */
function xattrsOf(at: Buffer): string[] {
  if (realSys.whyMissing() !== undefined) return []
  const names = realSys.listXattrs(at).map((name) => name.toString('latin1'))
  return names
    .filter((name) => !name.startsWith('trusted.overlay.'))
    .map((name) => `${name}=${realSys.readXattr(at, Buffer.from(name, 'latin1'))?.toString('hex') ?? ''}`)
}

function kindOf(stats: BigIntStats): TreeEntryKind {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return stats.isBlockDevice() ? 'block-device' : 'character-device'
}
