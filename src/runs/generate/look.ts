import { lstatSync } from 'node:fs'
import { errno } from '../../kit/index.ts'

/** What tells that a file or directory is still what it was. Times are in milliseconds, exact to a quarter of a microsecond. */
export interface Facts {
  readonly size: number
  readonly mtime: number
  readonly ctime: number
  readonly ino: number
}

export interface Look extends Facts {
  readonly kind: 'file' | 'directory' | 'link' | 'special'
}

const fileKind = 0o100000
const directoryKind = 0o040000
const linkKind = 0o120000

/** What is at a path now, no link followed at its end; undefined where nothing is. Throws the system's own errors. */
export function lookAt(path: string): Look | undefined {
  try {
    const { mode, size, mtimeMs, ctimeMs, ino } = lstatSync(path)
    const type = mode & 0o170000
    const kind = type === fileKind ? 'file' : type === directoryKind ? 'directory' : type === linkKind ? 'link' : 'special'
    return { kind, size, mtime: mtimeMs, ctime: ctimeMs, ino }
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Whether what was there is not there any more: the name is gone, or one on the way to it. */
export function isGone(error: unknown): boolean {
  const number = errno(error)
  return number === 'ENOENT' || number === 'ENOTDIR'
}

/** Milliseconds in which a file may change twice and show one time, on file systems that count seconds. */
const tick = 2000

/** Whether a later change would surely show. `now` is when looking began; the change time is the kernel's own and cannot be set. */
export function isSettled({ ctime }: Pick<Facts, 'ctime'>, now: number): boolean {
  return ctime < now - tick
}

/** Why something cannot be read, for people. */
export function whyNot(error: unknown): string {
  const number = errno(error)
  if (number === 'EACCES' || number === 'EPERM') return 'permission denied'
  if (number === 'EIO') return 'the disk reported an input/output error'
  if (number === 'ELOOP') return 'a symbolic link'
  return error instanceof Error ? (number ?? error.message) : String(error)
}
