import { Fault } from '../../../kit/index.ts'

/* The SSH File Transfer Protocol, version 3, as it goes over the wire: draft-ietf-secsh-filexfer-02. */

export const packetKinds = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  STAT: 17,
  RENAME: 18,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const

export type PacketKind = keyof typeof packetKinds

/** What a server may say about a request (section 7). */
export const statuses = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const

/** A number is 32 bits, a bigint 64; text and bytes go with their length before them. */
export type Field = number | bigint | string | Uint8Array

/** A packet with its length before it. Every one but the first has a number. */
export function encodePacket(kind: PacketKind, number: number | undefined, fields: readonly Field[]): Buffer {
  const parts = fields.map((field) => (typeof field === 'string' ? Buffer.from(field) : field))
  let length = number === undefined ? 1 : 5
  for (const part of parts) length += typeof part === 'number' ? 4 : typeof part === 'bigint' ? 8 : 4 + part.byteLength
  const packet = Buffer.allocUnsafe(4 + length)
  let at = packet.writeUInt32BE(length, 0)
  at = packet.writeUInt8(packetKinds[kind], at)
  if (number !== undefined) at = packet.writeUInt32BE(number, at)
  for (const part of parts) {
    if (typeof part === 'number') at = packet.writeUInt32BE(part, at)
    else if (typeof part === 'bigint') at = packet.writeBigUInt64BE(part, at)
    else {
      at = packet.writeUInt32BE(part.byteLength, at)
      packet.set(part, at)
      at += part.byteLength
    }
  }
  return packet
}

/** What a packet holds, read from its beginning. Whatever would lie past its end is `corrupt`. */
export interface Cursor {
  byte(): number
  number(): number
  long(): bigint
  bytes(): Buffer
  readonly left: number
}

export function cursorOf(packet: Buffer): Cursor {
  let at = 0
  const take = (count: number): number => {
    if (packet.byteLength - at < count) throw brokenProtocol('a packet ends before what it says it holds')
    at += count
    return at - count
  }
  return {
    byte: () => packet.readUInt8(take(1)),
    number: () => packet.readUInt32BE(take(4)),
    long: () => packet.readBigUInt64BE(take(8)),
    bytes() {
      const length = packet.readUInt32BE(take(4))
      const start = take(length)
      return packet.subarray(start, start + length)
    },
    get left() {
      return packet.byteLength - at
    },
  }
}

export interface Attributes {
  /** Undefined where the server does not say. */
  readonly kind: 'file' | 'directory' | 'link' | 'other' | undefined
  readonly size: number
  /** Whole seconds since 1970. */
  readonly modified: number
}

const flags = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x8000_0000 }

/** Section 5. A server that does not say how large a file is, or how old, cannot carry a store: 0 then. */
export function readAttributes(cursor: Cursor): Attributes {
  const has = cursor.number()
  const size = (has & flags.size) === 0 ? 0n : cursor.long()
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw brokenProtocol(`a file of ${size} bytes`)
  if ((has & flags.owner) !== 0) cursor.long()
  const mode = (has & flags.permissions) === 0 ? undefined : cursor.number()
  let modified = 0
  if ((has & flags.times) !== 0) {
    cursor.number()
    modified = cursor.number()
  }
  if ((has & flags.extended) !== 0) {
    for (let left = cursor.number(); left > 0; left--) {
      cursor.bytes()
      cursor.bytes()
    }
  }
  return { kind: mode === undefined ? undefined : kindOf(mode), size: Number(size), modified }
}

/** The fields of attributes that set the times alone. */
export function timeFields(modified: number): Field[] {
  return [flags.times, modified, modified]
}

function kindOf(mode: number): Attributes['kind'] {
  const kinds: Record<number, Attributes['kind']> = { 0o100000: 'file', 0o040000: 'directory', 0o120000: 'link' }
  // Some servers give permissions without a type.
  return (mode & 0o170000) === 0 ? undefined : (kinds[mode & 0o170000] ?? 'other')
}

export function brokenProtocol(what: string): Fault {
  return new Fault('corrupt', `the server does not keep to the SFTP protocol: ${what}`, {
    hint: 'check with `sftp` that this is an SFTP server; if it is, report which one it is',
  })
}
