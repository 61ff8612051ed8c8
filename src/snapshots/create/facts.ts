import type { BigIntStats } from 'node:fs'
import { Fault } from '../../kit/index.ts'
import type { AccountCalls, Place } from '../../kit/sys/index.ts'
import { captureAttributes, type Shortfall } from '../attributes/index.ts'
import { maxXattrBytes } from '../tree/codec.ts'
import type { EntryFacts, Xattr } from '../tree/entry.ts'
import type { ByteText } from '../tree/name.ts'

export interface FactsOptions {
  readonly owners: AccountCalls
  readonly shortfall: Shortfall
}

/** What an entry of the tree records besides its content. Throws `not-found` where it has gone since. */
export function factsOf(at: Place, name: ByteText, stats: BigIntStats, { owners, shortfall }: FactsOptions): EntryFacts {
  const { mode, uid, gid, user, group, mtimeNs, xattrs } = captureAttributes(at, { owners, shortfall, stats })
  return { name, mode, uid, gid, user, group, mtimeNs, xattrs: xattrs === undefined ? undefined : fitting(at, xattrs, shortfall) }
}

function fitting(at: Place, xattrs: readonly Xattr[], shortfall: Shortfall): Xattr[] {
  const kept: Xattr[] = []
  let size = 0
  for (const { name, value } of xattrs) {
    size += name.length + value.byteLength
    if (size > maxXattrBytes) {
      const fault = new Fault('unsupported', `a snapshot holds at most ${maxXattrBytes} bytes of extended attributes for one entry`)
      shortfall.note('xattrs', at, fault)
      break
    }
    kept.push({ name, value })
  }
  return kept
}
