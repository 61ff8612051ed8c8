import { promises as fs } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import path from 'node:path'
import { compareKeys, diskFault, errno, Fault, isKey, throwIfAborted } from '../kit/index.ts'
import { checkEntryPath } from './entry.ts'

/** A regular file as it was found. */
export interface WalkedFile {
  /** Below the root, joined by `/`; the file's own name where the root is the file. */
  readonly path: string
  /** Where to read it. A link is resolved already. */
  readonly absolute: string
  readonly size: number
  /** Permission bits. */
  readonly mode: number
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint
  /** Whether the root is this file, and no directory. */
  readonly isRoot: boolean
}

export interface WalkOptions {
  readonly signal?: AbortSignal | undefined
  /** Told of each link and special file that is left out. Without it the first of them is refused as `invalid`. */
  readonly skipped?: ((path: string, why: string) => void) | undefined
}

/**
 * The files of a directory, or the one file, in byte order of their paths, as manifests want them. Directories are walked
 * and are no entries themselves.
 *
 * A symbolic link to a regular file below the root is given as that file. Every other link (out of the root, to a directory,
 * to nothing) and every socket, pipe or device is refused, or skipped where `skipped` is given. The root itself may be a link.
 *
 * Throws `not-found` for a missing root, `denied` for what cannot be read, `invalid` for a name that no manifest can hold
 * (not UTF-8, control characters, too long), and `busy` where the tree changes under the walk.
 */
export async function* walkFiles(root: string, options: WalkOptions = {}): AsyncGenerator<WalkedFile> {
  throwIfAborted(options.signal)
  const absolute = await fs.realpath(root).catch((error: unknown) => {
    throw diskFault(error, root, 'read it')
  })
  const stats = await lstat(absolute, root)
  if (stats.isDirectory()) yield* walkDirectory({ root: absolute, options }, '')
  else if (stats.isFile()) {
    const name = path.basename(root)
    checkEntryPath(name)
    yield fileOf(name, absolute, stats, true)
  } else throw new Fault('invalid', 'neither a regular file nor a directory', { at: root })
}

interface Walk {
  readonly root: string
  readonly options: WalkOptions
}

interface Found {
  readonly path: string
  readonly absolute: string
  readonly stats: BigIntStats
}

const statsAtOnce = 64

async function* walkDirectory(walk: Walk, folder: string): AsyncGenerator<WalkedFile> {
  for (const found of await readDirectory(walk, folder)) {
    throwIfAborted(walk.options.signal)
    if (found.stats.isDirectory()) yield* walkDirectory(walk, found.path)
    else if (found.stats.isFile()) yield fileOf(found.path, found.absolute, found.stats, false)
    else if (found.stats.isSymbolicLink()) {
      const target = await resolveLink(walk, found)
      if (target !== undefined) yield target
    } else leaveOut(walk, found.path, 'a socket, pipe or device')
  }
}

/** What a directory holds, in the order of full paths: a directory sorts as its name followed by a slash. */
async function readDirectory(walk: Walk, folder: string): Promise<Found[]> {
  const absolute = path.join(walk.root, folder)
  const names = await fs.readdir(absolute, { encoding: 'buffer' }).catch((error: unknown) => {
    throw changed(error, absolute) ?? diskFault(error, absolute, 'list the directory')
  })
  const found: (Found & { readonly order: string })[] = []
  for (let at = 0; at < names.length; at += statsAtOnce) {
    throwIfAborted(walk.options.signal)
    const batch = names.slice(at, at + statsAtOnce).map(async (bytes) => {
      const name = nameOf(bytes, absolute)
      const below = folder === '' ? name : `${folder}/${name}`
      checkEntryPath(below)
      const file = path.join(absolute, name)
      const stats = await lstat(file, file)
      return { path: below, absolute: file, stats, order: stats.isDirectory() ? `${name}/` : name }
    })
    found.push(...(await Promise.all(batch)))
  }
  return found.sort((a, b) => compareKeys(a.order, b.order))
}

function nameOf(bytes: Buffer, folder: string): string {
  const name = bytes.toString('utf8')
  if (Buffer.from(name).equals(bytes) && isKey(name)) return name
  const shown = [...bytes]
    .map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`))
    .join('')
  const why = Buffer.from(name).equals(bytes) ? 'a name that no manifest can hold' : 'a name that is not UTF-8'
  throw new Fault('invalid', `${why}: ${shown}`, { at: folder, hint: 'rename it, or leave it out' })
}

async function resolveLink(walk: Walk, link: Found): Promise<WalkedFile | undefined> {
  let target: string
  try {
    target = await fs.realpath(link.absolute)
  } catch (error) {
    if (errno(error) !== 'ENOENT' && errno(error) !== 'ELOOP') throw diskFault(error, link.absolute, 'follow the link')
    return leaveOut(walk, link.path, 'a symbolic link that leads to nothing')
  }
  if (!target.startsWith(walk.root === path.sep ? walk.root : walk.root + path.sep)) {
    return leaveOut(walk, link.path, `a symbolic link that leads out of the directory, to ${target}`)
  }
  const stats = await lstat(target, link.absolute)
  if (!stats.isFile()) return leaveOut(walk, link.path, 'a symbolic link to what is not a regular file')
  return fileOf(link.path, target, stats, false)
}

function leaveOut(walk: Walk, below: string, why: string): undefined {
  if (walk.options.skipped === undefined) {
    throw new Fault('invalid', why, { at: path.join(walk.root, below), hint: 'replace it by a regular file, or remove it' })
  }
  walk.options.skipped(below, why)
}

function fileOf(below: string, absolute: string, stats: BigIntStats, isRoot: boolean): WalkedFile {
  return { path: below, absolute, size: Number(stats.size), mode: Number(stats.mode & 0o7777n), mtimeNs: stats.mtimeNs, isRoot }
}

async function lstat(file: string, at: string): Promise<BigIntStats> {
  try {
    return await fs.lstat(file, { bigint: true })
  } catch (error) {
    throw changed(error, at) ?? diskFault(error, at, 'look at the file')
  }
}

/** What was listed a moment ago and is gone now. */
function changed(error: unknown, at: string): Fault | undefined {
  if (errno(error) !== 'ENOENT' && errno(error) !== 'ENOTDIR') return undefined
  return new Fault('busy', 'it was removed while its directory was read', {
    at,
    hint: 'run it again when nothing writes there',
    cause: error,
  })
}
