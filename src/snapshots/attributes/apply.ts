import { Fault } from '../../kit/index.ts'
import { type AccountCalls, type Place, placeName, realSys, type Sys } from '../../kit/sys/index.ts'
import { type GivenAttributes, kindOf } from './attributes.ts'
import { statsOf } from './capture.ts'
import { ownerHere } from './owners.ts'
import { changeMode, changeOwner } from './ownership.ts'
import { attemptQuietly, type Shortfall } from './shortfall.ts'
import { changeTime } from './time.ts'
import { applyXattrs, fileCapabilities, planXattrs, type XattrPlan } from './xattrs.ts'

export interface ApplyOptions {
  /** Gets what could not be set. */
  readonly shortfall: Shortfall
  /** Recorded names decide who the owner is; without this, recorded numbers. */
  readonly owners?: AccountCalls | undefined
  readonly sys?: Sys
}

/**
 * Gives an entry that exists these attributes: owner, extended attributes, mode, capabilities, time, in the order in which
 * none undoes another. Only what differs is touched. A path is never followed where it is a link.
 *
 * What changes in a directory changes its time and needs its permissions: a directory's turn comes after all that is in it.
 *
 * Throws `precondition` where the entry is of another kind, `not-found` where it is gone; what privileges, the file system or
 * the machine do not allow is noted. A file whose owner could not be set gets no set-user-ID bit, nor a set-group-ID bit one
 * whose group could not.
 */
export function applyAttributes(at: Place, attributes: GivenAttributes, options: ApplyOptions): void {
  const { shortfall, sys = realSys } = options
  const isLink = attributes.kind === 'symlink'
  const before = factsOf(at, attributes)
  const owned = applyOwner(at, attributes, before, options)
  const plan = attributes.xattrs === undefined ? noChange : planXattrs(at, attributes.xattrs, sys)
  const [last, early] = splitCapabilities(plan)

  const hasEarly = early.write.length + early.remove.length > 0
  const opened = before.mode | ownerReadsAndWrites
  const isOpened = hasEarly && !isLink && opened !== before.mode
  // Where this fails, so does the writing.
  if (isOpened) attemptQuietly(() => changeMode(at, opened))
  applyXattrs(at, early, sys, shortfall)
  if (!isLink) {
    const mode = allowedMode(at, attributes.mode, owned, shortfall)
    // A change of owner clears bits, and an access list changes them.
    if (mode !== before.mode || owned.isChanged || hasEarly) applyMode(at, mode, shortfall)
  }
  applyXattrs(at, last, sys, shortfall)
  if (attributes.mtimeNs !== before.mtimeNs) changeTime(at, attributes.mtimeNs, sys, shortfall)
}

/** Sets the time of the last change of content only: for a directory in which something has changed since. */
export function applyTime(at: Place, mtimeNs: bigint, { shortfall, sys = realSys }: ApplyOptions): void {
  changeTime(at, mtimeNs, sys, shortfall)
}

const noChange: XattrPlan = { write: [], remove: [] }
const setUserId = 0o4000
const setGroupId = 0o2000
/** The owner needs both for attributes of the namespace `user`. */
const ownerReadsAndWrites = 0o600

interface Facts {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
}

function factsOf(at: Place, { kind }: GivenAttributes): Facts {
  const stats = statsOf(at)
  const found = kindOf(stats)
  if (found !== (kind === 'hardlink' ? 'file' : kind)) {
    throw new Fault('precondition', `it is a ${found.replace('-', ' ')} and no ${kind.replace('-', ' ')}`, {
      at: placeName(at),
      hint: 'something else changes it at the same time',
    })
  }
  return { mode: Number(stats.mode & 0o7777n), uid: Number(stats.uid), gid: Number(stats.gid), mtimeNs: stats.mtimeNs }
}

interface Owned {
  readonly byUser: boolean
  readonly byGroup: boolean
  readonly isChanged: boolean
}

function applyOwner(at: Place, attributes: GivenAttributes, before: Facts, { owners, shortfall }: ApplyOptions): Owned {
  const wanted = (owners && shortfall.attempt('owner-name', at, () => ownerHere(attributes, owners))) ?? attributes
  if (wanted.uid === before.uid && wanted.gid === before.gid) return { byUser: true, byGroup: true, isChanged: false }
  const isDone = shortfall.attempt('owner', at, () => (changeOwner(at, wanted.uid, wanted.gid), true)) === true
  if (isDone) return { byUser: true, byGroup: true, isChanged: true }
  // Who may not give a file away may still give it to another of their own groups.
  const isGroupDone =
    wanted.gid === before.gid ||
    (wanted.uid !== before.uid && attemptQuietly(() => (changeOwner(at, before.uid, wanted.gid), true)) === true)
  return { byUser: wanted.uid === before.uid, byGroup: isGroupDone, isChanged: isGroupDone && wanted.gid !== before.gid }
}

/** The bits that let a program run as its owner are only for the owner that was recorded. */
function allowedMode(at: Place, mode: number, { byUser, byGroup }: Owned, shortfall: Shortfall): number {
  const allowed = mode & ~(byUser ? 0 : setUserId) & ~(byGroup ? 0 : setGroupId)
  if (allowed !== mode) shortfall.note('set-id', at, new Fault('denied', 'the owner that they are for could not be set'))
  return allowed
}

function applyMode(at: Place, mode: number, shortfall: Shortfall): void {
  const isDone = shortfall.attempt('mode', at, () => (changeMode(at, mode), true)) === true
  // The kernel drops this bit without a word where the caller is not in the group.
  if (isDone && (mode & setGroupId) !== 0 && (Number(statsOf(at).mode) & setGroupId) === 0) {
    shortfall.note('set-id', at, new Fault('denied', 'only a member of the group may set its bit'))
  }
}

function splitCapabilities({ write, remove }: XattrPlan): [last: XattrPlan, early: XattrPlan] {
  return [
    { write: write.filter(({ name }) => name === fileCapabilities), remove: [] },
    { write: write.filter(({ name }) => name !== fileCapabilities), remove },
  ]
}
