import { compareKeys, isKey, reservedStart, throwIfAborted } from '../../../kit/index.ts'
import { abortable } from '../../intake.ts'
import type { ListOptions, ObjectInfo } from '../../store.ts'
import { listedAs, mayHold } from '../layout.ts'
import type { Named } from './calls.ts'
import type { Link } from './connection.ts'
import { readEntries, settledSight } from './look.ts'
import { type Attributes, brokenProtocol } from './packet.ts'
import { nameOf, pathOf, type Place, remember, unlessAbsent, versionOf, wayTo } from './place.ts'

/** What of a listing is asked for before its turn comes: directories, and keys with generations. */
const width = 64

/** The keys under a prefix in the order of their UTF-8 bytes, a directory at a time. What a store does not own (links, sockets) is left out. */
export async function* listFiles(place: Place, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo> {
  throwIfAborted(options.signal)
  const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  if (directory !== '' && !isKey(directory.slice(0, -1))) return
  const link = await place.connections.get(options.signal)
  yield* abortable(listBelow(listingOf(place, link, prefix, options), directory), options.signal)
}

async function* listBelow(listing: Listing, directory: string): AsyncGenerator<ObjectInfo> {
  const first = listing.start(directory)
  if ((await wayTo(listing.place, listing.link, `${directory}x`)) === 'open') yield* listDirectory(listing, first)
}

interface Listing {
  readonly place: Place
  readonly link: Link
  /** Begins to read a directory, where that was not begun already. */
  start(directory: string): Started
}

interface Started {
  readonly entries: Promise<Entry[]>
  /** Begins with what comes next in it, as far as there is room. */
  goAhead(entries: readonly Entry[], from: number): void
  end(): void
}

interface Entry {
  /** A key, or a directory with a slash. */
  readonly name: string
  /** What it is; undefined where that has to be looked for, as for a key with generations. */
  readonly info: ObjectInfo | undefined
  looking?: Promise<ObjectInfo | undefined>
}

function listingOf(place: Place, link: Link, prefix: string, { after }: ListOptions): Listing {
  const started = new Map<string, Started>()
  const begin = (directory: string): Started => {
    const reading = entriesOf(place, link, directory).then((all) => all.filter(({ name }) => mayHold(name, prefix, after)))
    const one: Started = {
      entries: reading,
      goAhead(entries, from) {
        for (const entry of entries.slice(from, from + width)) {
          if (started.size >= width) return
          if (entry.name.endsWith('/')) listing.start(entry.name)
          else if (entry.info === undefined) entry.looking ??= heard(infoOf(place, link, entry.name))
        }
      },
      end: () => void started.delete(directory),
    }
    // Its own directories are next in turn, often before its neighbours.
    reading.then((entries) => one.goAhead(entries, 0)).catch(() => undefined)
    return one
  }
  const listing: Listing = {
    place,
    link,
    start(directory) {
      const known = started.get(directory) ?? begin(directory)
      started.set(directory, known)
      return known
    },
  }
  return listing
}

async function* listDirectory(listing: Listing, started: Started): AsyncGenerator<ObjectInfo> {
  const entries = await started.entries
  for (const [index, entry] of entries.entries()) {
    started.goAhead(entries, index)
    if (entry.name.endsWith('/')) yield* listDirectory(listing, listing.start(entry.name))
    else {
      const info = entry.info ?? (await (entry.looking ??= infoOf(listing.place, listing.link, entry.name)))
      if (info !== undefined) yield info
    }
  }
  started.end()
}

/** A directory's keys, and its directories with a slash, in key order: `a.b` comes before `a/b`. */
async function entriesOf(place: Place, link: Link, directory: string): Promise<Entry[]> {
  const at = nameOf(place, directory)
  const path = pathOf(place, directory.slice(0, -1))
  const handle = await unlessAbsent(place, link, link.openDirectory(path), at, 'list it')
  const found = handle === undefined ? [] : await readEntries(place, link, handle, at)
  const entries = new Map<string, Entry>()
  const named = await Promise.all(found.map((each) => described(place, link, directory, each)))
  for (const each of named) {
    if (each === undefined) continue
    const { name, attributes } = each
    const kind = attributes.kind === 'file' || attributes.kind === 'directory' ? attributes.kind : 'other'
    const listed = place.plain && name.startsWith(reservedStart) ? undefined : listedAs(name, kind)
    if (listed === undefined) continue
    if (listed.endsWith('/')) remember(link, pathOf(place, directory + name))
    const key = directory + listed
    const isPlainFile = listed === name
    const info = isPlainFile && !entries.has(key) ? versionOf(key, pathOf(place, key), 0, attributes).info : undefined
    entries.set(key, { name: key, info })
  }
  return [...entries.values()].sort((a, b) => compareKeys(a.name, b.name))
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An entry as a store can name it; undefined for those that it cannot: itself, what is above it, names that are not UTF-8. */
async function described(
  place: Place,
  link: Link,
  directory: string,
  { name: bytes, attributes }: Named,
): Promise<{ name: string; attributes: Attributes } | undefined> {
  let name: string
  try {
    name = utf8.decode(bytes)
  } catch {
    return undefined
  }
  if (name === '.' || name === '..') return undefined
  if (name === '' || name.includes('/') || name.includes('\0'))
    throw brokenProtocol(`${JSON.stringify(name)} as a name in ${nameOf(place, directory)}`)
  if (attributes.kind !== undefined) return { name, attributes }
  const path = pathOf(place, directory + name)
  const looked = await unlessAbsent(place, link, link.lstat(path), nameOf(place, directory + name), 'look at it')
  return looked === undefined ? undefined : { name, attributes: looked }
}

async function infoOf(place: Place, link: Link, key: string): Promise<ObjectInfo | undefined> {
  return isKey(key) ? (await settledSight(place, link, key)).state.version?.info : undefined
}

/** For what may end unheard. */
function heard<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}
