import { closeSync, constants, lstatSync, openSync } from 'node:fs'
import path from 'node:path'
import { diskFault } from '../disk.ts'
import { Fault } from '../fault.ts'
import { systemFault } from './failure.ts'
import { fileSystemType } from './file-system.ts'
import type { Libc } from './libc.ts'

/** Subvolumes of btrfs: directories that can be snapshots of one another, at a cost that does not depend on their size. */
export interface SubvolumeCalls {
  /** Makes an empty one under a free name. `unsupported` where the file system has none. */
  createSubvolume(directory: string): void
  /**
   * A free name becomes a snapshot of a subvolume: all that is in it at one moment, except what lies in other subvolumes in
   * it, of which it has empty directories.
   */
  snapshotSubvolume(source: string, directory: string, options?: { readonly readOnly?: boolean }): void
  /** Removes one with all that is in it, at once; its space comes back later. `denied` without privilege. */
  deleteSubvolume(directory: string): void
}

// linux/btrfs.h
const createRequest = 0x5000940e
const deleteRequest = 0x5000940f
const snapshotRequest = 0x50009417
const argumentBytes = 4096
const nameAt = { create: 8, delete: 8, snapshot: 56 } as const
const maxNameBytes = 255
const readOnlyFlag = 2n
const rootInode = 256n

/** Whether the directory is one. False for what is not there. */
export function isSubvolume(directory: string): boolean {
  const stats = lstatSync(directory, { bigint: true, throwIfNoEntry: false })
  return stats?.isDirectory() === true && stats.ino === rootInode && fileSystemType(directory) === 'btrfs'
}

export function subvolumeCalls(libc: Libc): SubvolumeCalls {
  const ioctl = libc.bind({ symbol: 'ioctl', returns: 'int', takes: ['int', 'uint64_t', 'void *'], doing: 'work with subvolumes' })
  const request = (directory: string, number: number, argument: Buffer, doing: string) =>
    withOpen(path.dirname(directory), (outer) => {
      if (ioctl(outer, number, argument) !== 0) throw systemFault(libc.errorNumber(), doing, directory)
    })
  return {
    createSubvolume(directory) {
      request(directory, createRequest, named(directory, nameAt.create), 'make a subvolume')
    },
    snapshotSubvolume(source, directory, { readOnly = false } = {}) {
      const argument = named(directory, nameAt.snapshot)
      argument.writeBigUInt64LE(readOnly ? readOnlyFlag : 0n, 16)
      withOpen(source, (fd) => {
        argument.writeBigInt64LE(BigInt(fd), 0)
        request(directory, snapshotRequest, argument, 'make a snapshot of a subvolume')
      })
    },
    deleteSubvolume(directory) {
      request(directory, deleteRequest, named(directory, nameAt.delete), 'remove a subvolume')
    },
  }
}

function named(directory: string, at: number): Buffer {
  const name = Buffer.from(path.basename(directory))
  if (name.length === 0 || name.length > maxNameBytes) throw new Fault('invalid', 'no name for a subvolume', { at: directory })
  const argument = Buffer.alloc(argumentBytes)
  name.copy(argument, at)
  return argument
}

function withOpen(directory: string, act: (fd: number) => void): void {
  let fd: number
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    throw diskFault(error, directory, 'open the directory')
  }
  try {
    act(fd)
  } finally {
    closeSync(fd)
  }
}
