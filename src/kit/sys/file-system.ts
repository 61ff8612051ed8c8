import { statfsSync } from 'node:fs'
import { diskFault } from '../disk.ts'
import { placeName } from './place.ts'

/** From linux/magic.h and the sources of the file systems outside of it. ext2, ext3 and ext4 are one number. */
const names: ReadonlyMap<bigint, string> = new Map([
  [0xef53n, 'ext4'],
  [0x58465342n, 'xfs'],
  [0x9123683en, 'btrfs'],
  [0xca451a4en, 'bcachefs'],
  [0x2fc12fc1n, 'zfs'],
  [0xf2f52010n, 'f2fs'],
  [0x01021994n, 'tmpfs'],
  [0x858458f6n, 'ramfs'],
  [0x794c7630n, 'overlay'],
  [0x73717368n, 'squashfs'],
  [0xe0f5e1e2n, 'erofs'],
  [0x9fa0n, 'proc'],
  [0x6969n, 'nfs'],
  [0xff534d42n, 'cifs'],
  [0xfe534d42n, 'smb2'],
  [0x00c36400n, 'ceph'],
  [0x65735546n, 'fuse'],
  [0x01021997n, '9p'],
  [0x4d44n, 'vfat'],
  [0x2011bab0n, 'exfat'],
  [0x7366746en, 'ntfs3'],
])

/** What kind of file system a path lies on: its usual name, or its number as `0x…`. */
export function fileSystemType(path: string | Uint8Array): string {
  try {
    const { type } = statfsSync(typeof path === 'string' ? path : Buffer.from(path), { bigint: true })
    const number = BigInt.asUintN(32, type)
    return names.get(number) ?? `0x${number.toString(16)}`
  } catch (error) {
    throw diskFault(error, placeName(path), 'see what file system it lies on')
  }
}
