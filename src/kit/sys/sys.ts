import { type AccountCalls, accountCalls } from './accounts.ts'
import { type CloneCalls, cloneCalls } from './clone.ts'
import { type ExtentCalls, extentCalls } from './extents.ts'
import { type FlushCalls, flushCalls } from './flush.ts'
import { createLibc, type LibcSource } from './libc.ts'
import { type LockCalls, lockCalls } from './lock.ts'
import { type LoopCalls, loopCalls } from './loop.ts'
import { type MountCalls, mountCalls } from './mount.ts'
import { type RenameCalls, renameCalls } from './rename.ts'
import { type SpecialCalls, specialCalls } from './special.ts'
import { type SubvolumeCalls, subvolumeCalls } from './subvolume.ts'
import { type TimeCalls, timeCalls } from './times.ts'
import { type XattrCalls, xattrCalls } from './xattr.ts'

export interface Sys
  extends
    XattrCalls,
    TimeCalls,
    SpecialCalls,
    ExtentCalls,
    FlushCalls,
    CloneCalls,
    RenameCalls,
    LockCalls,
    MountCalls,
    LoopCalls,
    AccountCalls,
    SubvolumeCalls {
  /** Why all calls are `unsupported` on this machine; undefined where they work. */
  whyMissing(): string | undefined
}

/** The system calls of this machine; a test gives another source of them. */
export function createSys(source: LibcSource = {}): Sys {
  const libc = createLibc(source)
  return {
    whyMissing: () => libc.whyMissing(),
    ...xattrCalls(libc),
    ...timeCalls(libc),
    ...specialCalls(libc),
    ...extentCalls(libc),
    ...flushCalls(libc),
    ...cloneCalls(libc),
    ...renameCalls(libc),
    ...lockCalls(libc),
    ...mountCalls(libc),
    ...loopCalls(libc),
    ...accountCalls(libc),
    ...subvolumeCalls(libc),
  }
}

export const realSys: Sys = createSys()
