import type { BigIntStats } from 'node:fs'
import { errno, Fault, makeDirectories } from '../../../kit/index.ts'
import {
  canHaveGenerations,
  generationsOf,
  keptGenerations,
  nameTooLong,
  slotNumber,
  slotOf,
  sparedFor,
  type State,
  tombstone,
  type Version,
} from '../layout.ts'
import { type Folder, lookAt, nameOf, onDisk, orMissing, pathOf, wayTo } from './folder.ts'
import { versionOf } from './version.ts'

/*
 * Plain files cannot be overwritten conditionally. A key that is written with an etag therefore gets a directory beside it,
 * in which each version is a file named by a counter and made by link(2), which fails where the name is taken:
 * of any number of writers one makes version n + 1. docs/formats.md has the invariants.
 */

export function directoryOf(folder: Folder, key: string): string {
  return pathOf(folder, generationsOf(key))
}

function slotPath(folder: Folder, key: string, slot: number): string {
  return pathOf(folder, slotOf(key, slot))
}

/** What a key is now, as the first thing that any verb asks. */
export async function stateOf(folder: Folder, key: string): Promise<State> {
  return (await wayTo(folder, key)) === 'open' ? await settledState(folder, key) : { version: undefined, highest: 0 }
}

/** The same, where the way to the key has been looked at. */
export async function settledState(folder: Folder, key: string): Promise<State> {
  const at = nameOf(folder, key)
  for (;;) {
    const slots = await slotsOf(folder, key)
    const highest = slots.at(-1)
    if (highest !== undefined) {
      const stat = await statSlot(folder, key, highest)
      // Gone: newer ones have been made, and this one was removed.
      if (stat === undefined) continue
      if (stat.isSymbolicLink()) return { version: undefined, highest }
      return { version: versionOf(key, slotPath(folder, key, highest), highest, stat), highest }
    }
    const stat = await lookAt(folder, pathOf(folder, key), at)
    if (stat?.isFile()) return { version: versionOf(key, pathOf(folder, key), 0, stat), highest: 0 }
    if ((await slotsOf(folder, key)).length === 0) return { version: undefined, highest: 0 }
  }
}

/** The numbers of a key's generations, lowest first. */
export async function slotsOf(folder: Folder, key: string): Promise<number[]> {
  const at = nameOf(folder, key)
  if (!canHaveGenerations(key)) return []
  const directory = directoryOf(folder, key)
  const names = await orMissing(folder.disk.readdir(directory), at, 'list its generations')
  if (names === undefined || names.length === 0) return []
  await lookAt(folder, directory, at)
  return names
    .map(slotNumber)
    .filter((slot) => slot !== undefined)
    .sort((a, b) => a - b)
}

async function statSlot(folder: Folder, key: string, slot: number): Promise<BigIntStats | undefined> {
  return await orMissing(folder.disk.lstat(slotPath(folder, key, slot), { bigint: true }), nameOf(folder, key), 'look at a generation')
}

/** Makes the whole file at `temporary` the version after `base`; undefined where another writer was first. */
export async function append(folder: Folder, key: string, base: State, temporary: string): Promise<Version | undefined> {
  const slot = base.highest + 1
  const target = slotPath(folder, key, slot)
  const made = await make(folder, key, () => folder.disk.link(temporary, target))
  if (!made || !(await isNext(folder, key, base, slot))) return undefined
  const stat = await statSlot(folder, key, slot)
  if (stat === undefined) return undefined
  if (slot > keptGenerations) await prune(folder, key, stat)
  return versionOf(key, target, slot, stat)
}

/** Makes the version after `base` say that the key is deleted; false where another writer was first. */
export async function bury(folder: Folder, key: string, base: State): Promise<boolean> {
  const slot = base.highest + 1
  const made = await make(folder, key, () => folder.disk.symlink(tombstone, slotPath(folder, key, slot)))
  if (!made || !(await isNext(folder, key, base, slot))) return false
  const stat = await statSlot(folder, key, slot)
  if (stat !== undefined && slot > keptGenerations) await prune(folder, key, stat)
  return true
}

/** Makes one slot; false where it is taken. Its directory is made where it is missing, also where a delete removes it again meanwhile. */
async function make(folder: Folder, key: string, makeSlot: () => Promise<void>): Promise<boolean> {
  const at = nameOf(folder, key)
  if (!canHaveGenerations(key)) throw nameTooLong(at)
  for (let attempt = 1; ; attempt++) {
    await onDisk(makeDirectories(directoryOf(folder, key), folder), at, 'make the directory of its generations')
    try {
      return await linked(folder, at, makeSlot())
    } catch (error) {
      if (errno(error) !== 'ENOENT' || attempt === 10) return await onDisk(Promise.reject(error), at, 'make the next generation')
    }
  }
}

/** The outcome of a link(2): false where the name is taken. Where the file system has no links, `unsupported`; else the error as it is. */
export async function linked(folder: Folder, at: string, link: Promise<void>): Promise<boolean> {
  try {
    await link
    return true
  } catch (error) {
    const number = errno(error) ?? ''
    if (number === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(number)) throw error
    throw new Fault('unsupported', `the file system of ${folder.root} has no links, so nothing can be written conditionally there`, {
      at,
      cause: error,
    })
  }
}

/**
 * Whether a slot that was just made is what it seems. A writer that slept while others went on may have made one that had
 * been removed as old; its base is gone then too, since the lowest goes first. The plain file can also go because it was deleted.
 */
async function isNext(folder: Folder, key: string, base: State, slot: number): Promise<boolean> {
  if (await baseHolds(folder, key, base)) return true
  const at = nameOf(folder, key)
  if ((await slotsOf(folder, key)).at(-1) !== slot) {
    await orMissing(folder.disk.unlink(slotPath(folder, key, slot)), at, 'take back a late generation')
    return false
  }
  if (base.highest === 0)
    await onDisk(linked(folder, at, folder.disk.symlink(tombstone, slotPath(folder, key, slot + 1))), at, 'take it back')
  return base.highest > 0
}

async function baseHolds(folder: Folder, key: string, { version, highest }: State): Promise<boolean> {
  if (version === undefined) return (await statSlot(folder, key, highest))?.isSymbolicLink() === true
  const stat = await orMissing(folder.disk.lstat(version.path, { bigint: true }), nameOf(folder, key), 'look at the version before')
  return stat !== undefined && versionOf(key, version.path, version.slot, stat).info.etag === version.info.etag
}

/**
 * Removes old generations, lowest first and the plain file before them all: never one of the newest eight, and none that was
 * the newest within the last hour, so that whoever reads it can finish. It only tidies: the next write tries again.
 */
async function prune(folder: Folder, key: string, newest: BigIntStats): Promise<void> {
  try {
    const chain = [0, ...(await slotsOf(folder, key))]
    for (let at = 0; at < chain.length - keptGenerations; at++) {
      const successor = await statSlot(folder, key, chain[at + 1]!)
      if (successor === undefined || newest.mtimeMs - successor.mtimeMs < BigInt(sparedFor)) return
      await orMissing(folder.disk.unlink(at === 0 ? pathOf(folder, key) : slotPath(folder, key, chain[at]!)), key, 'remove it')
    }
  } catch {
    // What was put stands, and old generations hurt nobody.
  }
}
