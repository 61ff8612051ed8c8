import type { ByteText } from '../byte-text.ts'
import { Fault } from '../fault.ts'

export const blockBytes = 512

/** One block of the archive, as it is written; what extended headers say counts more. */
export interface TarHeader {
  readonly name: ByteText
  /** The type flag. */
  readonly flag: string
  readonly size: number
  readonly link: ByteText
}

/** Undefined for a block of zeros, which ends an archive. Throws `corrupt` for what is no header. */
export function readHeader(block: Buffer): TarHeader | undefined {
  if (block[0] === 0 && block.every((byte) => byte === 0)) return undefined
  checkSum(block)
  const flag = String.fromCharCode(block[156]!)
  const name = textAt(block, 0, 100)
  // GNU tar has other things where ustar has the prefix; its magic is `ustar` and spaces.
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isPosix ? textAt(block, 345, 155) : ''
  return { name: prefix === '' ? name : `${prefix}/${name}`, flag, size: readNumber(block, 124, 12), link: textAt(block, 157, 100) }
}

/** The sum of all bytes, with spaces in place of the sum itself; some old programs took the bytes as signed. */
function checkSum(block: Buffer): void {
  let sum = 0
  let signed = 0
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : block[at]!
    sum += byte
    signed += byte > 0x7f ? byte - 0x100 : byte
  }
  const stated = readNumber(block, 148, 8)
  if (stated !== sum && stated !== signed) throw new Fault('corrupt', 'not a tar archive, or damaged: the checksum of a header is wrong')
}

/** Octal digits between spaces, ended by a space or a zero; or, as GNU tar has it, binary below a first byte of 0x80. */
function readNumber(block: Buffer, at: number, width: number): number {
  const first = block[at]!
  if ((first & 0x80) === 0) {
    const digits = textAt(block, at, width).trim()
    if (!/^[0-7]*$/.test(digits)) throw new Fault('corrupt', 'not a tar archive, or damaged: a header has no number where one belongs')
    return digits === '' ? 0 : Number.parseInt(digits, 8)
  }
  let value = first & 0x7f
  for (let offset = 1; offset < width; offset++) value = value * 256 + block[at + offset]!
  if (!Number.isSafeInteger(value)) throw new Fault('corrupt', 'a header of the archive states a size that no file has')
  return value
}

function textAt(block: Buffer, at: number, width: number): ByteText {
  const text = block.toString('latin1', at, at + width)
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}
