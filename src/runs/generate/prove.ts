import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { diskFault, pieceSize } from '../../kit/index.ts'
import { logFile, packFile } from '../format/place.ts'
import type { Root } from '../format/root.ts'
import { type Look, lookAt } from './look.ts'
import { isLogProven } from './page-log.ts'

/** Inode, size and times of a log or pack as a generator left it: whoever wrote to it since shows in them. */
export type Left = readonly [name: string, ino: number, size: number, mtime: number, ctime: number]

/** Milliseconds: after so long everything is read in any case, since a disk that loses a byte moves no time. */
const provenFor = 86_400_000

/** How the log and the packs look now. One that is not there is not among them. */
export function howLeft(folder: string, names: readonly string[]): readonly Left[] {
  return names.flatMap((name) => {
    const look = lookAt(fileOf(folder, name))
    return look === undefined ? [] : [leftOf(name, look)]
  })
}

/** What is remembered of them. */
export interface Known {
  readonly packs: readonly { readonly name: string }[]
  readonly left: readonly Left[]
  /** When all of it was last read and right, in milliseconds since 1970. */
  readonly proven: number
}

export interface Proof {
  /** What is damaged, for people; undefined where all that was read is what it should be. */
  readonly damage: string | undefined
  /** Whether anything was read. */
  readonly isRead: boolean
  /** When all of it was last read and right, in milliseconds since 1970. */
  readonly at: number
}

/**
 * Proves the log that a root names, and the packs beside it: those that were written to since the last generation, and all of them once a
 * day, or with `all`. A log is right where each of its pages has its digest, a pack where it has the digest that is its name.
 */
export function proveLeft(
  folder: string,
  root: Root,
  { packs, left, proven }: Known,
  { all, now }: { readonly all: boolean; readonly now: number },
): Proof {
  const isDue = all || now - proven >= provenFor || now < proven
  const before = new Map(left.map((each) => [each[0], each]))
  let isRead = false
  for (const name of [root.log.name, ...packs.map((pack) => pack.name)]) {
    const file = fileOf(folder, name)
    const look = lookAt(file)
    if (look === undefined) return { damage: `${file} is gone`, isRead, at: proven }
    if (!isDue && String(before.get(name)) === String(leftOf(name, look))) continue
    isRead = true
    const isRight = name === root.log.name ? isLogProven(file, root.log.length) : digestOfFile(file) === name
    if (!isRight) return { damage: `${file} is damaged`, isRead, at: proven }
  }
  return { damage: undefined, isRead, at: isDue ? now : proven }
}

function fileOf(folder: string, name: string): string {
  return path.join(folder, name.startsWith('pages-') ? logFile(name) : packFile(name))
}

function leftOf(name: string, { ino, size, mtime, ctime }: Look): Left {
  return [name, ino, size, mtime, ctime]
}

function digestOfFile(file: string): string {
  const state = createHash('sha256')
  const piece = Buffer.allocUnsafe(pieceSize)
  try {
    const fd = openSync(file, 'r')
    try {
      for (let read = -1; read !== 0;) state.update(piece.subarray(0, (read = readSync(fd, piece))))
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw diskFault(error, file, 'read a pack')
  }
  return state.digest('hex')
}
