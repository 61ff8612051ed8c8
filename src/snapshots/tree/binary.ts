import { Fault, type Digest } from '../../kit/index.ts'
import type { ByteText } from './name.ts'

/** Bytes that grow: numbers as varints (LEB128, seven bits a byte, lowest first, no superfluous byte), texts with their length before them. */
export interface BinaryWriter {
  byte(value: number): void
  /** 0 to 2^53 - 1. */
  varint(value: number): void
  /** A length and that many bytes. */
  text(value: ByteText): void
  bytes(value: Uint8Array): void
  raw(value: Uint8Array): void
  digest(value: Digest): void
  readonly length: number
  /** A copy of what was written; the writer begins anew. */
  take(): Uint8Array
}

export function binaryWriter(): BinaryWriter {
  let buffer = Buffer.allocUnsafe(4096)
  let at = 0
  const need = (count: number) => {
    if (at + count <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + count))
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }
  const varint = (value: number) => {
    need(8)
    let rest = value
    while (rest >= 0x80) {
      // Not bit operations: they end at 2^31.
      buffer[at++] = (rest % 0x80) | 0x80
      rest = rest > 0x7fffffff ? Math.floor(rest / 0x80) : rest >>> 7
    }
    buffer[at++] = rest
  }
  const raw = (value: Uint8Array) => {
    need(value.byteLength)
    buffer.set(value, at)
    at += value.byteLength
  }
  return {
    byte(value) {
      need(1)
      buffer[at++] = value
    },
    varint,
    text(value) {
      varint(value.length)
      need(value.length)
      at += buffer.write(value, at, value.length, 'latin1')
    },
    bytes(value) {
      varint(value.byteLength)
      raw(value)
    },
    raw,
    digest(value) {
      need(32)
      at += buffer.write(value.slice('sha256:'.length), at, 32, 'hex')
    },
    get length() {
      return at
    },
    take() {
      const taken = new Uint8Array(buffer.subarray(0, at))
      at = 0
      return taken
    },
  }
}

/** Reads what a writer wrote. Whatever is short, long, or not in its only form throws `corrupt`. */
export interface BinaryReader {
  byte(): number
  varint(max?: number): number
  text(what: string, min: number, max: number): ByteText
  bytes(what: string, max: number): Uint8Array
  digest(): Digest
  /** A length and that many bytes, not copied: for bytes that are kept as long as the whole. */
  view(): Uint8Array
  skip(count: number): void
  /** How far it has read. */
  readonly at: number
  /** Throws unless everything has been read. */
  end(): void
  fail(why: string): never
}

export function binaryReader(bytes: Uint8Array, what: string, start = 0): BinaryReader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = start
  const fail = (why: string): never => {
    throw new Fault('corrupt', `${what} is not well formed: ${why} (byte ${at})`)
  }
  const need = (count: number) => {
    if (count > buffer.length - at) fail('it ends too early')
  }
  const byte = () => {
    need(1)
    return buffer[at++]!
  }
  const varint = (max = Number.MAX_SAFE_INTEGER) => {
    let value = 0
    let scale = 1
    for (let count = 1; ; count++) {
      const next = byte()
      value += (next & 0x7f) * scale
      if (next < 0x80) {
        if (next === 0 && count > 1) fail('a number is longer than it has to be')
        break
      }
      scale *= 0x80
      if (count === 8) fail('a number is too long')
    }
    if (value > max) fail(`a number is past its limit of ${max}`)
    return value
  }
  const lengthOf = (name: string, min: number, max: number) => {
    const length = varint()
    if (length < min || length > max) fail(`${name} has ${length} bytes; ${min} to ${max} are allowed`)
    need(length)
    return length
  }
  return {
    byte,
    varint,
    text(name, min, max) {
      const length = lengthOf(name, min, max)
      at += length
      return buffer.toString('latin1', at - length, at)
    },
    bytes(name, max) {
      const length = lengthOf(name, 0, max)
      at += length
      return new Uint8Array(buffer.subarray(at - length, at))
    },
    digest() {
      need(32)
      at += 32
      return `sha256:${buffer.toString('hex', at - 32, at)}`
    },
    view() {
      const length = lengthOf('a stretch', 0, buffer.length)
      at += length
      return buffer.subarray(at - length, at)
    },
    skip(count) {
      need(count)
      at += count
    },
    get at() {
      return at
    },
    end() {
      if (at !== buffer.length) fail(`${buffer.length - at} bytes follow its end`)
    },
    fail,
  }
}
