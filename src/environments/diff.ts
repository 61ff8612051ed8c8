import { closeSync, openSync, readSync } from 'node:fs'
import { type ByteText, byteText, diskFault, Fault, shownName, throwIfAborted } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { pathBytes, type TreeEntry, type TreeEntryKind, walkEntries } from './entries.ts'
import { liveName } from './names.ts'
import { liveExists } from './places.ts'
import { needRecord } from './record.ts'
import { type Session, withSession } from './session.ts'
import { openTree } from './verify.ts'

export interface DiffOptions {
  readonly from: string
  /** Another snapshot, or `live`, which is also meant where nothing is said. */
  readonly to?: string | undefined
  /** Compare the bytes of all files, also where size and time say that they are the same. */
  readonly checksum?: boolean | undefined
}

export type Aspect = 'kind' | 'content' | 'size' | 'target' | 'device' | 'mode' | 'owner' | 'time' | 'links' | 'xattrs'

/** How two trees differ at one path. */
export interface TreeDifference {
  readonly change: 'added' | 'changed' | 'removed'
  /** Below the root; `.` for the root itself. */
  readonly path: string
  readonly kind: TreeEntryKind
  /** Bytes before and after; 0 for what is no file. */
  readonly before: number
  readonly after: number
  /** In what; empty for what was added or removed. */
  readonly aspects: readonly Aspect[]
}

export interface Diffed {
  readonly from: string
  readonly to: string
  /** In the order of paths. */
  readonly differences: readonly TreeDifference[]
  readonly counts: { readonly added: number; readonly changed: number; readonly removed: number }
  /** Of files that were added, that changed (as they are now) and that were removed. */
  readonly bytes: { readonly added: number; readonly changed: number; readonly removed: number }
}

/** Compares two snapshots, or a snapshot with the live directory. */
export async function diffSnapshots(context: EnvironmentContext, { from, to = liveName, checksum = false }: DiffOptions): Promise<Diffed> {
  return await withSession(context, { whileMarked: to !== liveName, snapshot: from === liveName ? to : from }, async (session) => {
    await using before = await sideOf(session, from)
    await using after = await sideOf(session, to)
    const isCoarse = before.isCoarse || after.isCoarse
    const differences = await compareTrees(before.path, after.path, { checksum, isCoarse, signal: context.signal })
    return { from, to, differences, ...sumsOf(differences) }
  })
}

interface Side extends AsyncDisposable {
  readonly path: string
  /** It knows times in seconds only. */
  readonly isCoarse: boolean
}

async function sideOf({ context, place }: Session, name: string): Promise<Side> {
  if (name === liveName) {
    if (await liveExists(place)) return { path: place.live, isCoarse: false, [Symbol.asyncDispose]: async () => undefined }
    throw new Fault('not-found', `the live directory of ${context.name} is not there`, { at: place.live })
  }
  const record = await needRecord(place.snapshotsDir, context.name, name)
  const tree = await openTree(context, place, record)
  return {
    path: tree.path,
    isCoarse: (await context.modes(record.mode)).timesInSeconds === true,
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

interface Comparing {
  readonly checksum: boolean
  readonly isCoarse: boolean
  readonly signal?: AbortSignal | undefined
}

/** What has to be done to the first tree to make it the second. */
export async function compareTrees(before: string, after: string, how: Comparing): Promise<TreeDifference[]> {
  const old = new Map<ByteText, TreeEntry>()
  for await (const entry of walkEntries(before, how.signal)) old.set(entry.path, entry)
  const differences: TreeDifference[] = []
  for await (const entry of walkEntries(after, how.signal)) {
    const was = old.get(entry.path)
    old.delete(entry.path)
    if (was === undefined) differences.push(difference('added', entry, 0, entry.size, []))
    else {
      const aspects = aspectsOf(was, entry, how, () => hasSameBytes(before, after, entry.path, how.signal))
      if (aspects.length > 0) differences.push(difference('changed', entry, was.size, entry.size, aspects))
    }
  }
  for (const entry of old.values()) differences.push(difference('removed', entry, entry.size, 0, []))
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1))
}

function difference(
  change: TreeDifference['change'],
  entry: TreeEntry,
  before: number,
  after: number,
  aspects: readonly Aspect[],
): TreeDifference {
  return { change, path: entry.path === '' ? '.' : shownName(entry.path), kind: entry.kind, before, after, aspects }
}

function aspectsOf(a: TreeEntry, b: TreeEntry, { checksum, isCoarse }: Comparing, isSameContent: () => boolean): Aspect[] {
  const aspects: Aspect[] = []
  const differs = (aspect: Aspect, isDifferent: boolean) => {
    if (isDifferent) aspects.push(aspect)
  }
  const isSameTime = isCoarse ? a.mtimeNs / second === b.mtimeNs / second : a.mtimeNs === b.mtimeNs
  differs('kind', a.kind !== b.kind)
  differs('size', a.size !== b.size)
  if (a.kind === 'file' && b.kind === 'file' && a.size === b.size && (checksum || !isSameTime)) differs('content', !isSameContent())
  differs('target', a.target !== b.target)
  differs('device', a.device !== b.device)
  differs('mode', a.mode !== b.mode)
  differs('owner', a.uid !== b.uid || a.gid !== b.gid)
  differs('time', !isSameTime)
  differs('links', a.linkOf !== b.linkOf)
  differs('xattrs', a.xattrs.join('\0') !== b.xattrs.join('\0'))
  return aspects
}

const second = 1_000_000_000n

function hasSameBytes(before: string, after: string, path: ByteText, signal: AbortSignal | undefined): boolean {
  const one = openFile(pathBytes(byteText(before), path))
  try {
    const other = openFile(pathBytes(byteText(after), path))
    try {
      return hasEqualBytes(one, other, signal)
    } finally {
      closeSync(other)
    }
  } finally {
    closeSync(one)
  }
}

const piece = 1 << 20

function hasEqualBytes(one: number, other: number, signal: AbortSignal | undefined): boolean {
  const a = Buffer.allocUnsafe(piece)
  const b = Buffer.allocUnsafe(piece)
  for (;;) {
    throwIfAborted(signal)
    const length = readSync(one, a, 0, piece, null)
    if (length !== readSync(other, b, 0, piece, null)) return false
    if (length === 0) return true
    if (a.compare(b, 0, length, 0, length) !== 0) return false
  }
}

function openFile(file: Buffer): number {
  try {
    return openSync(file, 'r')
  } catch (error) {
    throw diskFault(error, shownName(file.toString('latin1')), 'read the file')
  }
}

function sumsOf(differences: readonly TreeDifference[]): Pick<Diffed, 'counts' | 'bytes'> {
  const counts = { added: 0, changed: 0, removed: 0 }
  const bytes = { added: 0, changed: 0, removed: 0 }
  for (const { change, before, after, aspects } of differences) {
    counts[change]++
    if (change === 'removed') bytes.removed += before
    else if (change === 'added') bytes.added += after
    else if (aspects.includes('content') || aspects.includes('size')) bytes.changed += after
  }
  return { counts, bytes }
}
