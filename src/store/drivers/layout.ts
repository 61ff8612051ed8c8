import { compareKeys, Fault, reservedStart } from '../../kit/index.ts'
import type { Condition, ObjectInfo } from '../store.ts'

/*
 * How a store lies in files, for every driver that keeps one so: on this machine's disk and on a server's. Names and rules alone;
 * docs/formats.md has the invariants. Paths here are relative to the root, as keys are.
 */

/** One version of an object: a whole file that is never written again. */
export interface Version {
  readonly key: string
  /** Where the file is, as the driver names it. */
  readonly path: string
  /** 0 for the plain file, else the generation's number. */
  readonly slot: number
  readonly info: ObjectInfo
}

/** What a key is now. */
export interface State {
  /** The newest version; undefined where the key does not exist. */
  readonly version: Version | undefined
  /** The highest generation's number, a deleted one's too; 0 where there are none. */
  readonly highest: number
}

const start = `${reservedStart}gen-`
const longestName = 255 - start.length

/** What the symbolic link that marks a deleted generation points to. */
export const tombstone = 'deleted'
/** How many of the newest generations are never removed. */
export const keptGenerations = 8
/** Milliseconds: a generation that was the newest within them is not removed, so that whoever reads it can finish. */
export const sparedFor = 3_600_000

/** The key that a directory's entry holds the generations of. */
export function nameOfGenerations(entry: string): string | undefined {
  return entry.startsWith(start) ? entry.slice(start.length) : undefined
}

/** The directory that a key's generations are in. */
export function generationsOf(key: string): string {
  const end = key.lastIndexOf('/') + 1
  return key.slice(0, end) + start + key.slice(end)
}

export function slotOf(key: string, slot: number): string {
  return `${generationsOf(key)}/${String(slot).padStart(12, '0')}`
}

/** The number that a file in a directory of generations stands for. */
export function slotNumber(name: string): number | undefined {
  return /^\d{12}$/.test(name) ? Number(name) : undefined
}

export function canHaveGenerations(key: string): boolean {
  return Buffer.byteLength(key.slice(key.lastIndexOf('/') + 1)) <= longestName
}

/** Whether a directory's entry may hold keys under the prefix and after `after`; a directory's entry ends with a slash. */
export function mayHold(entry: string, prefix: string, after: string | undefined): boolean {
  const isDirectory = entry.endsWith('/')
  if (!entry.startsWith(prefix) && !(isDirectory && prefix.startsWith(entry))) return false
  return after === undefined || compareKeys(entry, after) > 0 || (isDirectory && after.startsWith(entry))
}

/** What an entry of a directory means for a listing: a key's name, or a directory's with a slash. */
export function listedAs(name: string, kind: 'file' | 'directory' | 'other'): string | undefined {
  if (name.startsWith(reservedStart)) return kind === 'directory' ? nameOfGenerations(name) : undefined
  if (kind === 'directory') return `${name}/`
  return kind === 'file' ? name : undefined
}

/** Throws `precondition` where the state is not the one that the condition names. */
export function checkState({ version }: State, condition: Condition | undefined, at: string): void {
  if (condition === undefined) return
  if (condition === 'absent') {
    if (version !== undefined) throw new Fault('precondition', `${at} exists already`, { at })
  } else if (version?.info.etag !== condition.etag) {
    throw new Fault('precondition', `${at} is not the version that was expected`, { at })
  }
}

export function replaced(at: string): Fault {
  return new Fault('precondition', `${at} was replaced or deleted meanwhile`, { at, hint: 'read it again' })
}

export function nameTooLong(at: string): Fault {
  return new Fault('unsupported', `the last part of ${at} is too long for a conditional overwrite`, {
    at,
    hint: `on files it may have at most ${longestName} bytes`,
  })
}

const noDirectory = 'in a file store a key cannot be a directory too'

export function belowAnother(at: string): Fault {
  return new Fault('invalid', `${at} cannot be a key, because a part of it before a slash is a key itself`, { at, hint: noDirectory })
}

export function aboveOthers(at: string): Fault {
  return new Fault('invalid', `${at} cannot be a key, because there are keys below ${at}/`, { at, hint: noDirectory })
}

export function isLink(file: string, at: string): Fault {
  return new Fault('denied', `${file} is a symbolic link, and a store follows none`, {
    at,
    hint: 'replace the link by the file or directory that it points to',
  })
}
