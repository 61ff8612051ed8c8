/**
 * What the kernel can and Node does not offer: extended attributes, times in nanoseconds, links' own times, holes, clones,
 * exchange of names, special files, locks, mounts, loop devices, the names of owners. Through libc by koffi, on Linux on x64 and arm64.
 *
 * Promises: a call blocks and costs its system call and 0.2 µs; paths are bytes; no call follows a link; the library loads
 * with the first call, and where it cannot, every call throws `unsupported` and says what one cannot do.
 * Never does: fall back to something else; wait for a lock.
 */
export type { AccountCalls } from './accounts.ts'
export type { CopiedRange } from './clone.ts'
export type { Extent } from './extents.ts'
export { type FileMark, isSettled, isUnchanged, markOf } from './file-mark.ts'
export { fileSystemType } from './file-system.ts'
export { type Held, holdInner, holdTop, letGo, namesIn } from './held.ts'
export type { LoopDevice } from './loop.ts'
export type { MountRequest, Withheld } from './mount.ts'
export { type MountEntry, mountsAt, readMounts } from './mount-table.ts'
export { type Place, placeName } from './place.ts'
export { removeEntry } from './remove-entry.ts'
export { type DeviceNumber, type SpecialKind, splitDevice } from './special.ts'
export { isSubvolume } from './subvolume.ts'
export { createSys, realSys, type Sys } from './sys.ts'
