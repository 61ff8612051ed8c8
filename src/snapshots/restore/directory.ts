import { fchmodSync, fstatSync, mkdirSync } from 'node:fs'
import { diskFault } from '../../kit/index.ts'
import { type Held, holdInner, isSettled, letGo, markOf } from '../../kit/sys/index.ts'
import { lookAt } from '../stat-index/look.ts'
import type { KnownDirectory, KnownEntry } from '../stat-index/record.ts'
import { encodeEntry } from '../tree/codec.ts'
import type { Entry } from '../tree/entry.ts'
import { type ByteText, joinBytes, shownName, systemPath } from '../tree/name.ts'
import type { Directory, Restoring } from './restoring.ts'
import { settle } from './settle.ts'

export function newDirectory(
  outer: Directory,
  entry: Entry & { readonly kind: 'directory' },
  live: { readonly exists: boolean; readonly known: KnownDirectory | undefined },
): Directory {
  outer.pending++
  const { name } = entry
  return { ...freshState(), outer, name, below: joinBytes(outer.below, name), path: joinBytes(outer.path, name), entry, ...live }
}

export function freshState() {
  return {
    held: undefined,
    active: 1,
    pending: 1,
    isTouched: false,
    isBroken: false,
    wanted: undefined,
    same: new Map<ByteText, KnownEntry>(),
    relinked: new Set<ByteText>(),
    failed: new Set<ByteText>(),
    records: new Map<ByteText, number | 'same'>(),
  }
}

/** The open directory; made where it is not there. The mark stands before anything is done. */
export function touch(restoring: Restoring, directory: Directory): Held {
  restoring.mark!.set()
  const held = hold(restoring, directory)
  if (!directory.isTouched) {
    directory.isTouched = true
    restoring.flushing.begin(held)
    // Who is not root needs the right to write; what it should be is set at the end.
    const { mode } = fstatSync(held.fd)
    if ((mode & 0o300) !== 0o300 && process.getuid?.() !== 0) fchmodSync(held.fd, (mode & 0o7777) | 0o700)
  }
  return held
}

function hold(restoring: Restoring, directory: Directory): Held {
  if (directory.held !== undefined) return directory.held
  const { outer, name } = directory
  const from = directory.exists ? hold(restoring, outer!) : touch(restoring, outer!)
  if (!directory.exists) {
    try {
      mkdirSync(systemPath(joinBytes(from.path, name)), 0o700)
    } catch (error) {
      throw diskFault(error, shownName(directory.path), 'make the directory')
    }
    directory.exists = true
    directory.isTouched = true
    restoring.counts.directories++
  }
  directory.held = holdInner(from, name)
  return directory.held
}

/** One piece of work in it has ended; with the last one, the directory gets its attributes and its record. */
export function leave(restoring: Restoring, directory: Directory, what: 'active' | 'inner' | 'link'): void {
  directory.pending--
  if (what === 'active') directory.active--
  if (directory.pending === 0) finish(restoring, directory)
  else if (directory.active === 0) release(directory)
}

/** Many may wait for their links: they are opened again then. The top stays open. */
function release(directory: Directory): void {
  if (directory.held === undefined || directory.outer === undefined) return
  letGo(directory.held)
  directory.held = undefined
}

function finish(restoring: Restoring, directory: Directory): void {
  const { entry, outer } = directory
  try {
    if (entry !== undefined && directory.isTouched && restoring.mark !== undefined) {
      settle(restoring, hold(restoring, directory).fd, directory.path, entry)
    }
    if (outer !== undefined && directory.exists && !directory.isBroken) outer.records.set(directory.name, recordOf(restoring, directory))
  } catch (error) {
    fail(restoring, outer ?? directory, directory.name, error)
  }
  release(directory)
  if (outer !== undefined) leave(restoring, outer, 'inner')
}

/** What could not be restored: told, and the rest goes on. Trouble that is not of this entry is thrown. */
export function fail(restoring: Restoring, directory: Directory, name: ByteText, error: unknown): void {
  directory.failed.add(name)
  const path = shownName(joinBytes(directory.path, name))
  restoring.problems.add(shownName(joinBytes(directory.below, name)), diskFault(error, path, 'restore it'))
}

/** The same, for trouble of which it is not known whether the next entry would have it too: that is thrown. */
export function failUnlessAll(restoring: Restoring, directory: Directory, name: ByteText, error: unknown): void {
  const fault = diskFault(error, shownName(joinBytes(directory.path, name)), 'restore it')
  if (fault.code === 'unavailable' || fault.code === 'aborted' || fault.code === 'bug') throw fault
  fail(restoring, directory, name, fault)
}

/** The directory's record in the new index. */
export function recordOf(restoring: Restoring, directory: Directory): number | 'same' {
  const { known, wanted, records, index } = { ...directory, index: restoring.index }
  const isSame =
    known !== undefined && wanted === undefined && !directory.isTouched && [...records.values()].every((record) => record === 'same')
  if (isSame || index === undefined) return 'same'
  const since = restoring.clock.now()
  const entries: KnownEntry[] = []
  for (const name of wanted === undefined ? known!.entries.map((entry) => entry.name) : wanted.map((entry) => entry.name)) {
    const entry = directory.failed.has(name) ? undefined : knownNow(directory, name, since)
    if (entry !== undefined) entries.push(withChild(restoring, directory, entry))
  }
  return index().add({ node: directory.entry!.node, isStored: true, entries })
}

function knownNow(directory: Directory, name: ByteText, since: number): KnownEntry | undefined {
  const same = directory.same.get(name)
  const record = directory.records.get(name)
  const isAsItWas = !directory.relinked.has(name) && (record === undefined || record === 'same')
  if (same !== undefined && isAsItWas) return same
  const entry = same === undefined ? directory.wanted?.find((each) => each.name === name) : undefined
  const bytes = same?.bytes ?? (entry === undefined ? undefined : encodeEntry(entry))
  const seen = lookAt(joinBytes(directory.path, name), name, undefined)
  if (seen === undefined || bytes === undefined) return undefined
  const mark = markOf(seen.stats)
  return { name, bytes, mark, isTrusted: isSettled(mark, since), child: undefined }
}

function withChild(restoring: Restoring, directory: Directory, entry: KnownEntry): KnownEntry {
  const record = directory.records.get(entry.name)
  if (record === undefined) return entry.child === undefined ? entry : { ...entry, child: undefined }
  if (record !== 'same') return { ...entry, child: record }
  const child = directory.same.get(entry.name)?.child ?? directory.known?.entries.find(({ name }) => name === entry.name)?.child
  return child === undefined ? { ...entry, child: undefined } : { ...entry, child: restoring.index!().keep(child) }
}
