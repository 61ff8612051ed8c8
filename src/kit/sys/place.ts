import { Fault } from '../fault.ts'

/** A path as text or as bytes, or the descriptor of an open file. Bytes are taken as they are, UTF-8 or not. */
export type Place = string | Uint8Array | number

/** The bytes of a path as C wants them: ended by NUL, with none inside. */
export function terminated(text: string | Uint8Array): Buffer {
  const bytes = typeof text === 'string' ? Buffer.from(`${text}\0`) : Buffer.concat([text, terminator])
  if (bytes.indexOf(0) !== bytes.length - 1) throw new Fault('invalid', 'the name holds a NUL byte', { at: placeName(text) })
  return bytes
}

/** What errors call the place. */
export function placeName(place: Place): string {
  if (typeof place === 'number') return `file descriptor ${place}`
  return (typeof place === 'string' ? place : Buffer.from(place).toString('utf8')).replaceAll('\0', '\\0')
}

const terminator = Buffer.alloc(1)
