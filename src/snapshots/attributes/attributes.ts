import type { BigIntStats } from 'node:fs'
import type { DeviceNumber } from '../../kit/sys/index.ts'
import type { EntryFacts, EntryKind } from '../tree/entry.ts'

/** What can be given to an entry that exists. An entry of a tree is one of these. */
export interface GivenAttributes extends Omit<EntryFacts, 'name'> {
  readonly kind: FoundKind
}

/** All that a file system knows of an entry besides its name and its content. */
export interface Attributes extends GivenAttributes {
  /** Of devices. */
  readonly device: DeviceNumber | undefined
  readonly size: number
  /** Those below tell whether the entry is still the one that it was. They mean nothing on another machine. */
  readonly dev: bigint
  readonly ino: bigint
  readonly nlink: number
  readonly ctimeNs: bigint
}

/** Of a socket there is nothing to keep. That a file is a further name of another, `hardlink`, only who walks the tree can know. */
export type FoundKind = EntryKind | 'socket'

export function kindOf(stats: BigIntStats): FoundKind {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return stats.isCharacterDevice() ? 'character-device' : 'block-device'
}

export function isDevice(kind: FoundKind): kind is 'character-device' | 'block-device' {
  return kind === 'character-device' || kind === 'block-device'
}
