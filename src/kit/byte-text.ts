/**
 * A name or path as the file system has it: each character is one byte (`latin1`), so that every name survives, `<` orders
 * by bytes, and paths are joined like any text.
 */
export type ByteText = string

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

/** A path below a directory; the name alone where the directory is empty. */
export function joinBytes(directory: ByteText, name: ByteText): ByteText {
  if (directory === '') return name
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

/** Orders by bytes. */
export function compareNames(a: ByteText, b: ByteText): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}
