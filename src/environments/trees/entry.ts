import type { BigIntStats } from 'node:fs'
import { lstatSync } from 'node:fs'
import { type ByteText, diskFault, joinBytes, shownName, systemPath } from '../../kit/index.ts'
import { type AccountCalls, type Held, type Place, type SpecialKind, splitDevice } from '../../kit/sys/index.ts'
import {
  applyAttributes,
  captureAttributes,
  type GivenAttributes,
  makeSpecialFile,
  type Shortfall,
} from '../../snapshots/attributes/index.ts'

/** The stats of an entry itself, never of what a link points to. */
export function statsIn(directory: Held, name: ByteText): BigIntStats {
  try {
    return lstatSync(systemPath(joinBytes(directory.path, name)), { bigint: true })
  } catch (error) {
    throw diskFault(error, shownName(joinBytes(directory.name, name)), 'read its attributes')
  }
}

/** Gives an entry all attributes that another one has: owner by number, mode, extended attributes, time. Only what differs is touched. */
export function copyAttributes(from: Place, stats: BigIntStats, to: Place, shortfall: Shortfall): void {
  applyAttributes(to, attributesOf(from, stats, shortfall), { shortfall })
}

export function attributesOf(from: Place, stats: BigIntStats, shortfall: Shortfall): GivenAttributes {
  return captureAttributes(from, { owners: nameless, shortfall, stats })
}

/** Numbers are what counts within one machine. */
const nameless: AccountCalls = {
  userName: () => undefined,
  groupName: () => undefined,
  userId: () => undefined,
  groupId: () => undefined,
}

/** Makes a pipe, a socket or a device like another; false, and noted, where that is not allowed. */
export function makeSpecialLike(stats: BigIntStats, path: string | Buffer, shortfall: Shortfall): boolean {
  const kind = specialKindOf(stats)
  const isDevice = kind === 'character-device' || kind === 'block-device'
  return makeSpecialFile(path, kind, isDevice ? splitDevice(stats.rdev) : undefined, { shortfall })
}

function specialKindOf(stats: BigIntStats): SpecialKind {
  if (stats.isFIFO()) return 'fifo'
  if (stats.isSocket()) return 'socket'
  return stats.isCharacterDevice() ? 'character-device' : 'block-device'
}

/** A file that takes a block less than it has bytes has holes. */
export function isSparse({ blocks, size }: BigIntStats): boolean {
  return blocks * 512n + 4096n <= size
}

/** Of files with several names, what tells that two names are one file. */
export function fileKey({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}
