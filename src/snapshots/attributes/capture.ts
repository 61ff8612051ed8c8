import { type BigIntStats, fstatSync, lstatSync } from 'node:fs'
import { diskFault } from '../../kit/index.ts'
import { type AccountCalls, type Place, placeName, realSys, splitDevice, type Sys } from '../../kit/sys/index.ts'
import { type Attributes, isDevice, kindOf } from './attributes.ts'
import type { Shortfall } from './shortfall.ts'
import { captureXattrs } from './xattrs.ts'

export interface CaptureOptions {
  /** The names of owners, remembered over many captures. */
  readonly owners: AccountCalls
  /** Gets what could not be read. */
  readonly shortfall: Shortfall
  /** The entry's own (lstat), where the caller has asked already. */
  readonly stats?: BigIntStats | undefined
  readonly sys?: Sys
}

/**
 * The attributes of an entry: of a link itself, never of what it points to. Throws `not-found` where it is gone; what only
 * privileges or the machine keep from being read is left out and noted.
 */
export function captureAttributes(at: Place, options: CaptureOptions): Attributes {
  const { owners, shortfall, sys = realSys, stats = statsOf(at) } = options
  const kind = kindOf(stats)
  const [uid, gid] = [Number(stats.uid), Number(stats.gid)]
  return {
    kind,
    mode: Number(stats.mode & 0o7777n),
    uid,
    gid,
    user: shortfall.attempt('owner-name', at, () => owners.userName(uid)) ?? '',
    group: shortfall.attempt('owner-name', at, () => owners.groupName(gid)) ?? '',
    mtimeNs: stats.mtimeNs,
    xattrs: captureXattrs(at, sys, shortfall),
    device: isDevice(kind) ? splitDevice(stats.rdev) : undefined,
    size: Number(stats.size),
    dev: stats.dev,
    ino: stats.ino,
    nlink: Number(stats.nlink),
    ctimeNs: stats.ctimeNs,
  }
}

/** The stats of an open file, or of a path without following a link. */
export function statsOf(at: Place): BigIntStats {
  try {
    return typeof at === 'number' ? fstatSync(at, { bigint: true }) : lstatSync(nodePath(at), { bigint: true })
  } catch (error) {
    throw diskFault(error, placeName(at), 'read its attributes')
  }
}

/** Node takes paths of bytes as Buffers only. */
export function nodePath(path: string | Uint8Array): string | Buffer {
  return typeof path === 'string' ? path : Buffer.from(path.buffer, path.byteOffset, path.byteLength)
}
