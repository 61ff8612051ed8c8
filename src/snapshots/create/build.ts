import { type BigIntStats, readlinkSync } from 'node:fs'
import { asFault, type Clock, type Digest, diskFault, Fault, type Report, throwIfAborted } from '../../kit/index.ts'
import { type FileMark, isSettled, markOf, namesIn, placeName, splitDevice } from '../../kit/sys/index.ts'
import { knownInOrder, lookAt, type Seen } from '../stat-index/look.ts'
import type { KnownDirectory, KnownEntry } from '../stat-index/record.ts'
import type { StatIndex, StatIndexWriter } from '../stat-index/stat-index.ts'
import { decodeEntry, encodeEntry } from '../tree/codec.ts'
import type { Content, Entry, EntryFacts, NodeSink } from '../tree/entry.ts'
import { type ByteText, joinBytes, maxDepth, rootName, shownName, spareStack, systemPath } from '../tree/name.ts'
import { writeContent, writeDirectory } from '../tree/split.ts'
import type { ReadFile } from './content.ts'
import type { Exclusion } from './exclude.ts'
import { factsOf, type FactsOptions } from './facts.ts'
import { markName, unfinished } from '../restore/mark.ts'
import type { Problems } from './problems.ts'
import type { Room } from './room.ts'
import type { Selection } from './sources.ts'

/** What making a tree of nodes from a tree of files needs. */
export interface Build extends FactsOptions {
  readonly excluded: Exclusion
  /** Where set, directories on other devices are recorded empty. */
  readonly onlyDevice: bigint | undefined
  readonly known: StatIndex | undefined
  readonly index: () => StatIndexWriter
  /** Takes nodes once something has changed. */
  readonly sink: NodeSink
  /** Reads a plain file into the store. */
  readonly read: (path: string | Buffer, stats: BigIntStats) => Promise<ReadFile>
  readonly room: Room
  readonly clock: Clock
  readonly counts: Counts
  readonly problems: Problems
  readonly report: Report
  readonly signal: AbortSignal | undefined
  /** The first name of each file that has several, in the order of the walk. */
  readonly links: Map<string, { readonly first: ByteText; readonly content: Promise<Content> }>
}

export interface Counts {
  files: number
  directories: number
  links: number
  /** Pipes and devices. */
  special: number
  /** Bytes of plain files, each name counted. */
  bytes: number
  unchanged: number
  changed: number
  sockets: number
  excluded: number
}

/** A directory that was walked: as the index knows it, or new, with its node to come. */
export type Visit =
  | { readonly isSame: true; readonly known: KnownDirectory }
  | { readonly isSame: false; readonly done: Promise<{ readonly node: Digest; readonly record: number }> }

interface Item {
  readonly name: ByteText
  /** Exactly what is known, to the last byte. */
  readonly isSame: boolean
  /** Undefined where it could not be read after all. */
  readonly ready: KnownEntry | Promise<KnownEntry | undefined>
}

/**
 * Walks a directory and makes its node. What is known and unchanged is neither read nor encoded again; a directory in which all is, is
 * taken as it is. Files are read while the walk goes on, as many at a time as there is room for.
 */
async function visitDirectory(
  build: Build,
  { path, below, depth, selection }: Omit<Place, 'since'>,
  known: KnownDirectory | undefined,
): Promise<Visit> {
  throwIfAborted(build.signal)
  if (depth > maxDepth)
    throw new Fault('invalid', `it lies deeper than ${maxDepth} directories, which no snapshot holds`, { at: placeName(systemPath(path)) })
  await spareStack(depth)
  const since = build.clock.now()
  const find = knownInOrder(known)
  const items: Item[] = []
  let isSame = known?.isStored === true
  for (const name of selection === 'all' ? namesIn(path) : [...selection.keys()].toSorted()) {
    const inner = selection === 'all' ? 'all' : selection.get(name)!
    const item = await visitEntry(
      build,
      { path: joinBytes(path, name), below: joinBytes(below, name), depth: depth + 1, since, selection: inner },
      name,
      find(name),
    )
    if (item === undefined) continue
    items.push(item)
    isSame &&= item.isSame
  }
  if (isSame && items.length === known!.entries.length) return { isSame, known: known! }
  const done = completeDirectory(build, items)
  // Heard by whoever waits for the parent.
  done.catch(() => undefined)
  return { isSame: false, done }
}

async function completeDirectory(build: Build, items: readonly Item[]): Promise<{ node: Digest; record: number }> {
  const entries: KnownEntry[] = []
  for (const { isSame, ready } of items) {
    const entry = await ready
    if (entry === undefined) continue
    entries.push(isSame && entry.child !== undefined ? { ...entry, child: build.index().keep(entry.child) } : entry)
  }
  const node = await writeDirectory(build.sink, entries)
  return { node, record: build.index().add({ node, isStored: true, entries }) }
}

interface Place {
  readonly path: ByteText
  /** Its path below the root of the snapshot. */
  readonly below: ByteText
  /** Directories above it, the root of the snapshot among them. */
  readonly depth: number
  readonly since: number
  readonly selection: Selection
}

async function visitEntry(build: Build, place: Place, name: ByteText, known: KnownEntry | undefined): Promise<Item | undefined> {
  try {
    if (name === markName) throw unfinished(place.path)
    const seen = lookAt(place.path, name, known)
    if (seen === undefined) return undefined
    const isDirectory = seen.stats.isDirectory()
    if (build.excluded.has(place.below, isDirectory)) {
      build.counts.excluded++
      return undefined
    }
    if (isDirectory) return await visitInner(build, place, seen)
    if (seen.stats.isFile()) return await visitFile(build, place, seen)
    return visitSmall(build, place, seen)
  } catch (error) {
    if (name === markName) throw error
    skip(build, place, error)
    return undefined
  }
}

/**
 * The whole tree as one node with one entry, `root`, so that the root's own attributes are part of what the digest stands for.
 * Throws what keeps the base itself from being looked at.
 */
export async function visitRoot(build: Build, base: ByteText, selection: Selection): Promise<Visit> {
  const top = build.known?.top
  const seen = lookAt(base, rootName, top?.entries[0])
  if (seen === undefined) throw new Fault('not-found', 'it was removed while the snapshot was made', { at: shownName(base) })
  const place: Place = { path: base, below: '', depth: 0, since: build.clock.now(), selection }
  const item = await visitInner(build, place, seen)
  if (item.isSame && top!.isStored) return { isSame: true, known: top! }
  return { isSame: false, done: completeDirectory(build, [item]) }
}

/** Trouble with one file: it is told, and the rest goes on. What has gone since it was listed was not in the tree. */
function skip(build: Build, place: Place, error: unknown): void {
  const at = placeName(systemPath(place.path))
  const fault = diskFault(error, at, 'read it')
  // All other trouble is the store's, and ends the whole.
  if (fault.at !== at) throw fault
  tell(build, place, fault)
}

function tell({ problems }: Build, { below }: Place, fault: Fault): void {
  if (fault.code !== 'not-found') problems.add(shownName(below), fault)
}

async function visitInner(build: Build, place: Place, seen: Seen): Promise<Item> {
  const { counts, onlyDevice } = build
  const child = seen.known?.child === undefined ? undefined : build.known?.directory(seen.known.child)
  const isElsewhere = onlyDevice !== undefined && seen.stats.dev !== onlyDevice
  const selection: Selection = isElsewhere ? new Map() : place.selection
  const visit = await visitDirectory(build, { ...place, selection }, child)
  counts.directories++
  if (visit.isSame && seen.isSame) return { name: seen.name, isSame: true, ready: seen.known! }
  const facts = factsOf(systemPath(place.path), seen.name, seen.stats, build)
  const ready = (async () => {
    const { node, record } = visit.isSame ? { node: visit.known.node, record: build.index().keep(visit.known.at) } : await visit.done
    return knownEntry(place, { ...facts, kind: 'directory', node }, markOf(seen.stats), record)
  })()
  ready.catch(() => undefined)
  return { name: seen.name, isSame: false, ready }
}

async function visitFile(build: Build, place: Place, seen: Seen): Promise<Item> {
  const { counts } = build
  counts.files++
  counts.bytes += Number(seen.stats.size)
  if (seen.stats.nlink > 1n) return await visitLinked(build, place, seen)
  if (seen.isSame) {
    counts.unchanged++
    return { name: seen.name, isSame: true, ready: seen.known! }
  }
  counts.changed++
  const facts = factsOf(systemPath(place.path), seen.name, seen.stats, build)
  return await readFile(build, place, seen, (content) => ({ ...facts, kind: 'file', content }))
}

/** Begins to read a file as soon as there is room. `told` gets its content or what kept it from being read. */
async function readFile(
  build: Build,
  place: Place,
  seen: Seen,
  entryOf: (content: Content) => Entry,
  told?: PromiseWithResolvers<Content>,
): Promise<Item> {
  await build.room.enter()
  const ready = (async () => {
    try {
      const { size, parts, mark, changedWhileRead } = await build.read(systemPath(place.path), seen.stats)
      if (changedWhileRead) build.problems.add(shownName(place.below), new Fault('busy', 'it changed each time that it was read'))
      const content = await writeContent(build.sink, size, parts)
      told?.resolve(content)
      build.report({ kind: 'advance', task: 'snapshot', items: 1, bytes: size })
      return knownEntry(place, { ...entryOf(content), mtimeNs: mark.mtimeNs }, mark, undefined)
    } catch (error) {
      told?.reject(error)
      skip(build, place, error)
      return undefined
    } finally {
      build.room.leave()
    }
  })()
  ready.catch(() => undefined)
  // In an object: a promise of a promise would wait for the reading.
  return { name: seen.name, isSame: false, ready }
}

/** A file with several names: its first in the walk has the content, the others say so and have it too. */
async function visitLinked(build: Build, place: Place, seen: Seen): Promise<Item> {
  const key = `${seen.stats.dev}:${seen.stats.ino}`
  const group = build.links.get(key)
  const before = seen.isSame ? decodeEntry(seen.known!.bytes) : undefined
  const path = systemPath(place.path)
  const entryOf = (facts: EntryFacts, content: Content): Entry =>
    group === undefined ? { ...facts, kind: 'file', content } : { ...facts, kind: 'hardlink', target: group.first, content }
  if (before?.kind === 'file' || before?.kind === 'hardlink') {
    build.counts.unchanged++
    if (group === undefined) build.links.set(key, { first: place.below, content: Promise.resolve(before.content) })
    const isSame = group === undefined ? before.kind === 'file' : before.kind === 'hardlink' && before.target === group.first
    return {
      name: seen.name,
      isSame,
      ready: isSame ? seen.known! : knownEntry(place, entryOf(before, before.content), markOf(seen.stats), undefined),
    }
  }
  build.counts.changed++
  const facts = factsOf(path, seen.name, seen.stats, build)
  if (group !== undefined) {
    const ready = group.content.then(
      (content) => knownEntry(place, entryOf(facts, content), markOf(seen.stats), undefined),
      // Whether that was the file's trouble or the store's, its first name tells.
      (error: unknown) => (tell(build, place, asFault(error)), undefined),
    )
    ready.catch(() => undefined)
    return { name: seen.name, isSame: false, ready }
  }
  const content = Promise.withResolvers<Content>()
  content.promise.catch(() => undefined)
  build.links.set(key, { first: place.below, content: content.promise })
  return await readFile(build, place, seen, (all) => entryOf(facts, all), content)
}

/** Links, pipes and devices: all that they are is in their entry. */
function visitSmall(build: Build, place: Place, seen: Seen): Item | undefined {
  const { counts } = build
  if (seen.stats.isSocket()) {
    counts.sockets++
    return undefined
  }
  if (seen.stats.isSymbolicLink()) counts.links++
  else counts.special++
  if (seen.isSame) return { name: seen.name, isSame: true, ready: seen.known! }
  const path = systemPath(place.path)
  const facts = factsOf(path, seen.name, seen.stats, build)
  return { name: seen.name, isSame: false, ready: knownEntry(place, smallEntry(facts, path, seen.stats), markOf(seen.stats), undefined) }
}

function smallEntry(facts: EntryFacts, path: string | Buffer, stats: BigIntStats): Entry {
  if (stats.isSymbolicLink()) return { ...facts, kind: 'symlink', target: readlinkSync(path, { encoding: 'latin1' }) }
  if (stats.isFIFO()) return { ...facts, kind: 'fifo' }
  return { ...facts, kind: stats.isBlockDevice() ? 'block-device' : 'character-device', ...splitDevice(stats.rdev) }
}

function knownEntry({ since }: Place, entry: Entry, mark: FileMark, child: number | undefined): KnownEntry {
  return { name: entry.name, bytes: encodeEntry(entry), mark, isTrusted: isSettled(mark, since), child }
}
