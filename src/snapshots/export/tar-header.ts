import { isUtf8 } from 'node:buffer'
import type { ByteText } from '../tree/name.ts'

/** What the header of one member says. */
export interface TarFields {
  readonly name: ByteText
  readonly type: TarType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
  readonly mtimeNs: bigint
  /** Bytes that follow. */
  readonly size: number
  readonly link: ByteText
  readonly device?: { readonly major: number; readonly minor: number } | undefined
}

export type TarType = keyof typeof typeFlags

const typeFlags = { file: '0', hardlink: '1', symlink: '2', 'character-device': '3', 'block-device': '4', directory: '5', fifo: '6' }

/** An extended header's record: a key and its value, both bytes. */
export type PaxRecord = readonly [key: ByteText, value: Uint8Array | string]

export const blockBytes = 512
const largestId = 0o7777777
const largestNumber = 0o77777777777

/**
 * The header of a member in the interchange format of POSIX.1-2001 ("pax"): a ustar block and, before it, an extended header for whatever
 * does not fit there. `more` are records of the caller's. A sparse file is called `sparseAs` for readers that do not know such files.
 */
export function tarHeader(fields: TarFields, more: readonly PaxRecord[] = [], sparseAs?: ByteText): Uint8Array[] {
  const records = [...nameRecords(fields, sparseAs !== undefined), ...numberRecords(fields), ...more]
  return [
    ...(records.length === 0 ? [] : extendedHeader(records)),
    ustarBlock({ ...fields, name: sparseAs ?? fields.name }, typeFlags[fields.type]),
  ]
}

function nameRecords({ name, link, user, group }: TarFields, isSparse: boolean): PaxRecord[] {
  const records: PaxRecord[] = []
  if (!fitsName(link)) records.push(['linkpath', Buffer.from(link, 'latin1')])
  if (isSparse) records.push(['GNU.sparse.name', Buffer.from(name, 'latin1')])
  else if (!fitsName(name)) records.push(['path', Buffer.from(name, 'latin1')])
  if (records.some(([, value]) => !isUtf8(value as Buffer))) records.unshift(['hdrcharset', 'BINARY'])
  if (!fitsOwner(user)) records.push(['uname', user])
  if (!fitsOwner(group)) records.push(['gname', group])
  return records
}

function numberRecords({ uid, gid, mtimeNs, size }: TarFields): PaxRecord[] {
  const records: PaxRecord[] = []
  if (uid > largestId) records.push(['uid', String(uid)])
  if (gid > largestId) records.push(['gid', String(gid)])
  if (size > largestNumber) records.push(['size', String(size)])
  const isWhole = mtimeNs >= 0n && mtimeNs % 1_000_000_000n === 0n && mtimeNs / 1_000_000_000n <= largestNumber
  if (!isWhole) records.push(['mtime', decimalSeconds(mtimeNs)])
  return records
}

function extendedHeader(records: readonly PaxRecord[]): Uint8Array[] {
  const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)))
  const block = ustarBlock(
    { name: './PaxHeaders', type: 'file', mode: 0o644, uid: 0, gid: 0, user: '', group: '', mtimeNs: 0n, size: body.byteLength, link: '' },
    'x',
  )
  return [block, body, padding(body.byteLength)]
}

/** `<length> <key>=<value>\n`, where the length counts its own digits too. */
function paxRecord(key: ByteText, value: Uint8Array | string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), typeof value === 'string' ? Buffer.from(value) : value, Buffer.from('\n')])
  let length = rest.byteLength + 1
  while (String(length).length + rest.byteLength !== length) length = String(length).length + rest.byteLength
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function ustarBlock(fields: TarFields, flag: string): Buffer {
  const block = Buffer.alloc(blockBytes)
  const seconds = fields.mtimeNs < 0n ? 0 : Math.min(largestNumber, Number(fields.mtimeNs / 1_000_000_000n))
  block.write(fields.name.slice(0, 100), 0, 'latin1')
  writeNumber(block, 100, 8, fields.mode)
  writeNumber(block, 108, 8, fields.uid > largestId ? 0 : fields.uid)
  writeNumber(block, 116, 8, fields.gid > largestId ? 0 : fields.gid)
  writeNumber(block, 124, 12, fields.size > largestNumber ? 0 : fields.size)
  writeNumber(block, 136, 12, seconds)
  block.write('        ', 148)
  block.write(flag, 156)
  block.write(fields.link.slice(0, 100), 157, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  if (fitsOwner(fields.user)) block.write(fields.user, 265)
  if (fitsOwner(fields.group)) block.write(fields.group, 297)
  writeNumber(block, 329, 8, fields.device?.major ?? 0)
  writeNumber(block, 337, 8, fields.device?.minor ?? 0)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Octal; what is too large for that, which only a device's number can be, as GNU tar has it: binary under a first byte of 0x80. */
function writeNumber(block: Buffer, at: number, width: number, value: number): void {
  if (value < 8 ** (width - 1)) block.write(value.toString(8).padStart(width - 1, '0'), at)
  else {
    block[at] = 0x80
    block.writeUInt32BE(value, at + width - 4)
  }
}

/** To a whole number of blocks. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((blockBytes - (size % blockBytes)) % blockBytes)
}

function decimalSeconds(ns: bigint): string {
  const size = ns < 0n ? -ns : ns
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${ns < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`
}

/** Bytes that are no text travel best in the plain field, where nobody converts them. */
function fitsName(name: ByteText): boolean {
  return name.length <= 100 && (isAscii(name) || !isUtf8(Buffer.from(name, 'latin1')))
}

function fitsOwner(name: string): boolean {
  return name.length < 32 && isAscii(name)
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text)
}
