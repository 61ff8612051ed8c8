import { Fault } from '../../kit/index.ts'

/**
 * A name or path as the file system has it: each character is one byte (`latin1`), so that every name survives, `<` orders
 * by bytes, and paths are joined like any text.
 */
export type ByteText = string

/** The one entry of a snapshot's top node: the tree itself, with the attributes of its root. */
export const rootName = 'root'
/** Bytes of one name: the limit of Linux file systems. */
export const maxNameBytes = 255
/** Bytes of a path below the root of a snapshot. */
export const maxPathBytes = 65_535
/** Directories on the way from the root to an entry. */
export const maxDepth = 2000

/** Why this cannot be the name of an entry, or undefined where it can. */
export function whatIsWrongWithName(name: ByteText): string | undefined {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return `it is ${name}`
  if (name.length > maxNameBytes) return `it is longer than ${maxNameBytes} bytes`
  if (name.includes('/')) return 'it has a slash'
  if (name.includes('\0')) return 'it has a zero byte'
  return undefined
}

/** The bytes of a text, one to a character. */
export function byteText(text: string): ByteText {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** For people and for JSON: UTF-8 where it is, else with the strange bytes as `\xff`. */
export function shownName(name: ByteText): string {
  if (isAscii(name)) return name
  const bytes = Buffer.from(name, 'latin1')
  const text = bytes.toString('utf8')
  if (Buffer.from(text, 'utf8').equals(bytes)) return text
  return name.replaceAll(/[\u0080-\u00ff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`)
}

/** What system calls take: they would encode other text as UTF-8. */
export function systemPath(path: ByteText): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, 'latin1')
}

export function joinBytes(directory: ByteText, name: ByteText): ByteText {
  if (directory === '') return name
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

/** `a/b/c` as its names; `` and `.` are none. Throws `invalid` for a path that leaves its root. */
export function pathNames(path: ByteText): ByteText[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  for (const name of names) {
    const wrong = whatIsWrongWithName(name)
    if (wrong !== undefined) throw new Fault('invalid', `not a path in a snapshot: ${wrong}: ${JSON.stringify(shownName(path))}`)
  }
  return names
}

/** Orders by bytes. */
export function compareNames(a: ByteText, b: ByteText): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}
