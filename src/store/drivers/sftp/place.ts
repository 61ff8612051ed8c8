import { type Clock, Fault } from '../../../kit/index.ts'
import { generationsOf, isLink, slotOf, type Version } from '../layout.ts'
import { type Answer, isRefusal, orAbsent, type Refusal } from './calls.ts'
import type { Connections, Link } from './connection.ts'
import { type Attributes, statuses } from './packet.ts'

/** Where a store lies on a server. */
export interface Place {
  /** Without a slash at its end, except for `/` itself. */
  readonly root: string
  /** What messages call it. */
  readonly name: string
  readonly connections: Connections
  /** Whether a put waits until a power cut cannot undo it, as far as the server can be told to. */
  readonly durable: boolean
  /** A tree that others keep: no generations, no conditions, links as the server follows them. */
  readonly plain: boolean
  readonly clock: Clock
}

export function nameOf(place: Place, key: string): string {
  return `${place.name}/${key}`
}

export function pathOf(place: Place, key: string): string {
  if (key === '') return place.root
  return place.root === '/' ? `/${key}` : `${place.root}/${key}`
}

export function generationsPath(place: Place, key: string): string {
  return pathOf(place, generationsOf(key))
}

export function slotPath(place: Place, key: string, slot: number): string {
  return pathOf(place, slotOf(key, slot))
}

/** Times have whole seconds here and files no number, so a put makes sure that the time of a key's file only goes up. */
export function versionOf(key: string, path: string, slot: number, { size, modified }: Attributes): Version {
  const etag = `${slot === 0 ? '' : `g${slot}-`}${size.toString(36)}-${modified.toString(36)}`
  return { key, path, slot, info: { key, size, etag, modified: modified * 1000 } }
}

/** The answer, or why there is none as a Fault: never `not-found`; whoever knows what an absence means asks `unlessAbsent`. */
export async function given<T>(place: Place, link: Link, answer: Promise<Answer<T>>, at: string, doing: string): Promise<T> {
  const got = await answer
  if (!isRefusal(got)) return got
  throw await refusalFault(place, link, got, at, doing)
}

/** The same, with undefined where nothing is there. */
export async function unlessAbsent<T>(
  place: Place,
  link: Link,
  answer: Promise<Answer<T>>,
  at: string,
  doing: string,
): Promise<T | undefined> {
  return await given(place, link, answer.then(orAbsent), at, doing)
}

/** SFTP has one word, "failure", for a full disk, a read-only one and all the rest: then the server is asked about its disk. */
export async function refusalFault(place: Place, link: Link, { refused, says }: Refusal, at: string, doing: string): Promise<Fault> {
  const cannot = `cannot ${doing}`
  if (refused === statuses.noSuchFile) return new Fault('unavailable', `${cannot}: something on its way was removed meanwhile`, { at })
  if (refused === statuses.permissionDenied) {
    return new Fault('denied', `${cannot}: permission denied on the server`, { at, hint: 'check there who owns it and its mode' })
  }
  if (refused === statuses.unsupported) return new Fault('unsupported', `${cannot}: the server does not do that`, { at })
  if (refused === statuses.badMessage) {
    return new Fault('invalid', `${cannot}: the server’s file system does not take it (perhaps a name that is too long)`, { at })
  }
  if (refused === statuses.noConnection || refused === statuses.connectionLost) {
    return new Fault('unavailable', `${cannot}: the server lost its own connection`, { at })
  }
  const space = link.can.statvfs ? await link.space(place.root) : undefined
  if (space !== undefined && !isRefusal(space)) {
    if (space.isReadOnly) return new Fault('denied', `${cannot}: the server’s file system is read-only`, { at })
    if (space.isFull) {
      return new Fault('unavailable', `${cannot}: the server’s disk is full`, { at, hint: 'free some space there and run it again' })
    }
  }
  return new Fault('unavailable', `${cannot}: the server says only ${JSON.stringify(says === '' ? `status ${refused}` : says)}`, {
    at,
    hint: 'look for a quota, a failing disk, or rights on the server',
  })
}

export type Way = 'open' | 'missing' | 'blocked'

/**
 * Looks at each directory on the way to a key, all in one round trip: `missing` where one does not exist, `blocked` where one is a file. A
 * symbolic link below the root is `denied`. Directories that were seen on this connection are not looked at again; `anew` does.
 */
export async function wayTo(place: Place, link: Link, key: string, options: { readonly anew?: boolean } = {}): Promise<Way> {
  if (place.plain) return 'open'
  const at = nameOf(place, key)
  const ways: Promise<Way>[] = []
  for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1)) {
    const directory = pathOf(place, key.slice(0, slash))
    if (options.anew === true) link.seen.delete(directory)
    if (!link.seen.has(directory)) ways.push(lookAtDirectory(place, link, directory, at))
  }
  if (!link.seen.has(place.root)) ways.unshift(lookAtRoot(place, link))
  for (const outcome of await Promise.all(ways)) if (outcome !== 'open') return outcome
  return 'open'
}

async function lookAtRoot(place: Place, link: Link): Promise<Way> {
  const found = await unlessAbsent(place, link, link.stat(place.root), place.name, 'look at the folder')
  if (found === undefined) return 'missing'
  if (found.kind !== 'directory') throw new Fault('invalid', `${place.name} is not a directory`, { at: place.name })
  remember(link, place.root)
  return 'open'
}

async function lookAtDirectory(place: Place, link: Link, directory: string, at: string): Promise<Way> {
  const found = await lookAt(place, link, directory, at)
  if (found === undefined) return 'missing'
  if (found.kind !== 'directory') return 'blocked'
  remember(link, directory)
  return 'open'
}

/** What lies at a path; undefined where nothing does. A symbolic link is `denied`; in a tree that others keep it is followed. */
export async function lookAt(place: Place, link: Link, path: string, at: string): Promise<Attributes | undefined> {
  const found = await unlessAbsent(place, link, place.plain ? link.stat(path) : link.lstat(path), at, 'look at it')
  if (found?.kind === 'link') throw isLink(path, at)
  return found
}

/** Below a directory that is no link: what a listing has seen need not be looked at again. */
export function remember(link: Link, directory: string): void {
  if (link.seen.size > 10_000) link.seen.clear()
  link.seen.add(directory)
}
