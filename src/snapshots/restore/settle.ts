import type { BigIntStats } from 'node:fs'
import type { Place } from '../../kit/sys/index.ts'
import { applyAttributes, captureAttributes, type Shortfall } from '../attributes/index.ts'
import type { Seen } from '../stat-index/look.ts'
import { decodeEntry } from '../tree/codec.ts'
import { aspectsOf } from '../tree/compare.ts'
import type { Entry } from '../tree/entry.ts'
import { type ByteText, shownName, systemPath } from '../tree/name.ts'
import type { Restoring } from './restoring.ts'

/** Gives an entry its attributes; what could not be set is noted under the name that people know. */
export function settle(restoring: Restoring, at: Place, name: ByteText, entry: Entry): void {
  applyAttributes(at, entry, { shortfall: namedShortfall(restoring.shortfall, name), owners: restoring.owners })
  if (typeof at === 'number') restoring.flushing.changed(at)
}

/** Whether an entry has other attributes than it should have; its content is not looked at. */
export function hasOtherAttributes(restoring: Restoring, path: ByteText, live: Seen, entry: Entry): boolean {
  if (live.isSame) return aspectsOf(decodeEntry(live.known!.bytes), entry).some((aspect) => aspect !== 'content')
  const { stats } = live
  if (stats.mtimeNs !== entry.mtimeNs || isOtherMode(stats, entry)) return true
  const { shortfall, owners } = restoring
  const now = captureAttributes(systemPath(path), { shortfall: namedShortfall(shortfall, path), owners, stats })
  const aspects = aspectsOf({ ...entry, ...now, kind: entry.kind } as Entry, entry)
  return aspects.includes('owner') || aspects.includes('xattrs')
}

function isOtherMode({ mode }: BigIntStats, entry: Entry): boolean {
  // The modes of links mean nothing, and most systems cannot change them.
  return entry.kind !== 'symlink' && Number(mode & 0o7777n) !== entry.mode
}

function namedShortfall(shortfall: Shortfall, name: ByteText): Shortfall {
  const shown = shownName(name)
  return {
    note: (what, _at, fault) => shortfall.note(what, shown, fault),
    attempt: (what, _at, act) => shortfall.attempt(what, shown, act),
    omissions: () => shortfall.omissions(),
  }
}
