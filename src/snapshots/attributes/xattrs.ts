import type { Place, Sys } from '../../kit/sys/index.ts'
import type { Xattr } from '../tree/entry.ts'
import { type ByteText, shownName } from '../tree/name.ts'
import { attemptQuietly, type Omitted, type Shortfall } from './shortfall.ts'

/** Undefined where they cannot be asked for. One that cannot be read is noted and left out. */
export function captureXattrs(at: Place, sys: Sys, shortfall: Shortfall): Xattr[] | undefined {
  const names = shortfall.attempt('xattrs', at, () => sys.listXattrs(at))
  return names?.flatMap((bytes): Xattr[] => {
    const name = bytes.toString('latin1')
    // One that has gone since is none.
    const value = shortfall.attempt(omittedOf(name), at, () => sys.readXattr(at, bytes))
    return value === undefined ? [] : [{ name, value }]
  })
}

export interface XattrPlan {
  readonly write: readonly Xattr[]
  readonly remove: readonly ByteText[]
}

/** What to change so that an entry has these attributes and no others, less those that belong to the machine. */
export function planXattrs(at: Place, wanted: readonly Xattr[], sys: Sys): XattrPlan {
  // What cannot be listed or read is written, and noted where that fails too.
  const names = attemptQuietly(() => sys.listXattrs(at)) ?? []
  const present = new Map(names.map((bytes) => [bytes.toString('latin1'), attemptQuietly(() => sys.readXattr(at, bytes))]))
  const kept = new Set(wanted.map(({ name }) => name))
  return {
    write: wanted.filter(({ name, value }) => present.get(name)?.equals(value) !== true),
    remove: [...present.keys()].filter((name) => isOurs(name) && !kept.has(name)),
  }
}

export function applyXattrs(at: Place, { write, remove }: XattrPlan, sys: Sys, shortfall: Shortfall): void {
  for (const name of remove) shortfall.attempt(omittedOf(name), at, () => sys.removeXattr(at, Buffer.from(name, 'latin1')))
  for (const { name, value } of write) {
    shortfall.attempt(omittedOf(name), at, () => sys.writeXattr(at, Buffer.from(name, 'latin1'), value))
  }
}

/** A change of owner takes these away, so that they are set last. */
export const fileCapabilities: ByteText = 'security.capability'

/** Labels of security modules and the inner attributes of network file systems are the machine's to give, and stay. */
function isOurs(name: ByteText): boolean {
  return name === fileCapabilities || /^(?:user|trusted)\.|^system\.posix_acl_/.test(name)
}

function omittedOf(name: ByteText): Omitted {
  return `xattr:${shownName(name.split('.', 1)[0] ?? name)}`
}
