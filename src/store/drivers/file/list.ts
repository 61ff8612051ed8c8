import { compareKeys, isKey, mapBounded, throwIfAborted } from '../../../kit/index.ts'
import type { ListOptions, ObjectInfo } from '../../store.ts'
import { listedAs, mayHold, nameOfGenerations } from '../layout.ts'
import { type Folder, lookAt, nameOf, orMissing, pathOf, wayTo } from './folder.ts'
import { settledState } from './generations.ts'
import { versionOf } from './version.ts'

const width = 32

/** The keys under a prefix in the order of their UTF-8 bytes, a directory at a time. What a store does not own (links, sockets) is left out. */
export async function* listFiles(folder: Folder, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo> {
  throwIfAborted(options.signal)
  const directory = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  if (directory !== '' && !isKey(directory.slice(0, -1))) return
  if ((await wayTo(folder, `${directory}x`)) === 'open') yield* listDirectory(folder, directory, prefix, options)
}

async function* listDirectory(folder: Folder, directory: string, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo> {
  const { after, signal } = options
  const { entries: all, plain } = await entriesOf(folder, directory)
  const entries = all.filter((entry) => mayHold(entry, prefix, after))
  for (let at = 0; at < entries.length; at += width) {
    throwIfAborted(signal)
    // Files are looked at ahead of time; directories only when their turn comes.
    const some = entries.slice(at, at + width)
    const infos = await mapBounded(some, width, async (entry) => (entry.endsWith('/') ? undefined : await infoOf(folder, entry, plain)))
    for (const [index, entry] of some.entries()) {
      throwIfAborted(signal)
      if (entry.endsWith('/')) yield* listDirectory(folder, entry, prefix, options)
      else if (infos[index] !== undefined) yield infos[index]
    }
  }
}

interface Entries {
  /** A directory's keys, and its directories with a slash, in key order: `a.b` comes before `a/b`. */
  readonly entries: readonly string[]
  /** Whether a key was a plain file without generations when the directory was read. */
  readonly plain: (key: string) => boolean
}

async function entriesOf(folder: Folder, directory: string): Promise<Entries> {
  const at = directory === '' ? folder.root : pathOf(folder, directory.slice(0, -1))
  const found = (await orMissing(folder.disk.readdir(at, { withFileTypes: true }), nameOf(folder, directory), 'list it')) ?? []
  const entries = new Set<string>()
  const withGenerations = new Set<string>()
  for (const entry of found) {
    const generationsFor = nameOfGenerations(entry.name)
    if (generationsFor !== undefined) withGenerations.add(directory + generationsFor)
    const name = listedAs(entry.name, entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : 'other')
    if (name !== undefined) entries.add(directory + name)
  }
  return { entries: [...entries].sort(compareKeys), plain: (key) => !withGenerations.has(key) }
}

async function infoOf(folder: Folder, key: string, plain: (key: string) => boolean): Promise<ObjectInfo | undefined> {
  // A foreign name that breaks the rules of keys is shown, so that whoever tidies up can see it.
  const foreign = !isKey(key)
  if (plain(key) || foreign) {
    const stat = await lookAt(folder, pathOf(folder, key), nameOf(folder, key))
    if (stat?.isFile()) return versionOf(key, pathOf(folder, key), 0, stat).info
  }
  return foreign ? undefined : (await settledState(folder, key)).version?.info
}
