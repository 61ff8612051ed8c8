/** Entries of file systems with any attributes, and what is found of them. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { realSys as sys } from '../../src/kit/sys/index.ts'
import {
  captureAttributes,
  createShortfall,
  type GivenAttributes,
  makeSpecialFile,
  rememberOwners,
  type Shortfall,
} from '../../src/snapshots/attributes/index.ts'
import { nobody } from './nobody.ts'

/** Of this machine. */
export const owners = rememberOwners(sys)
/** What the entry has. What could not be found out goes into the shortfall. */
export const capture = (at: string | Buffer | number, shortfall = createShortfall()) => captureAttributes(at, { owners, shortfall })
/** What a shortfall holds: what, and of how many entries. */
export const found = (shortfall: Shortfall) => shortfall.omissions().map(({ what, count }) => [what, count])

/** The attributes that can be given, without what is the machine's. */
export function givable({ kind, mode, uid, gid, mtimeNs, xattrs }: GivenAttributes) {
  return { kind, mode, uid, gid, mtimeNs, xattrs: xattrs?.map(({ name, value }) => [name, Buffer.from(value).toString('hex')]) }
}

/** Linux's form of an access list (linux/posix_acl_xattr.h), with one named user. */
function accessList(mode: number, user: number): Buffer {
  const none = 0xffff_ffff
  const entries = [
    [0x01, (mode >> 6) & 7, none],
    [0x02, 6, user],
    [0x04, 5, none],
    [0x10, (mode >> 3) & 7, none],
    [0x20, mode & 7, none],
  ] as const
  const bytes = Buffer.alloc(4 + entries.length * 8)
  bytes.writeUInt32LE(2)
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8)
    bytes.writeUInt16LE(permissions, 6 + index * 8)
    bytes.writeUInt32LE(id, 8 + index * 8)
  }
  return bytes
}

/** May bind low ports (linux/capability.h, vfs_cap_data of version 2). */
export const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')

const kinds = ['file', 'directory', 'symlink', 'fifo', 'socket', 'character-device', 'block-device'] as const

/** Makes an entry of that kind, whose attributes are as they come. */
export function make(at: Buffer, kind: GivenAttributes['kind']): void {
  if (kind === 'file' || kind === 'hardlink') writeFileSync(at, 'content')
  else if (kind === 'directory') mkdirSync(at)
  else if (kind === 'symlink') symlinkSync('/nowhere/at all', at)
  else {
    const device = kind.endsWith('device') ? { major: 7, minor: 300 } : undefined
    assert.ok(makeSpecialFile(at, kind, device, { shortfall: createShortfall() }))
  }
}

const id = fc.oneof(fc.constantFrom(0, 1, nobody), fc.nat(0xffff_fffe))
const bytesName = (most: number) =>
  fc
    .uint8Array({ minLength: 1, maxLength: most })
    .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f))
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
const value = fc.uint8Array({ maxLength: 200 })

/** Whatever a file system can have on an entry of that kind. */
export const attributesWith = (mode: fc.Arbitrary<number>): fc.Arbitrary<GivenAttributes> =>
  fc
    .record({
      kind: fc.constantFrom(...kinds),
      mode,
      uid: id,
      gid: id,
      mtimeNs: fc.bigInt((2n - 2n ** 31n) * 1_000_000_000n, 2n ** 33n * 1_000_000_000n),
      ours: fc.uniqueArray(fc.tuple(bytesName(40), value), { maxLength: 4, selector: ([name]) => name }),
      trusted: fc.uniqueArray(fc.tuple(bytesName(40), value), { maxLength: 2, selector: ([name]) => name }),
      hasList: fc.boolean(),
      hasCapability: fc.boolean(),
    })
    .map(({ ours, trusted, hasList, hasCapability, ...facts }) => {
      const { kind, mode } = facts
      const isFileOrDirectory = kind === 'file' || kind === 'directory'
      const xattrs = [
        ...trusted.map(([name, value]) => ({ name: `trusted.${name}`, value })),
        // On others the kernel has none of these.
        ...(isFileOrDirectory ? ours.map(([name, value]) => ({ name: `user.${name}`, value })) : []),
        ...(isFileOrDirectory && hasList ? [{ name: 'system.posix_acl_access', value: accessList(mode, 1234) }] : []),
        ...(kind === 'directory' && hasList ? [{ name: 'system.posix_acl_default', value: accessList(0o750, 99) }] : []),
        ...(kind === 'file' && hasCapability ? [{ name: 'security.capability', value: capability }] : []),
      ].sort((a, b) => (a.name < b.name ? -1 : 1))
      return { ...facts, mode: kind === 'symlink' ? 0o777 : mode, xattrs, user: '', group: '' }
    })

export const anyAttributes = attributesWith(fc.nat(0o7777))
