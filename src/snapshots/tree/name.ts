import { type ByteText, Fault, shownName } from '../../kit/index.ts'

export { type ByteText, byteText, compareNames, joinBytes, shownName, spareStack, systemPath } from '../../kit/index.ts'

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

/** `a/b/c` as its names; `` and `.` are none. Throws `invalid` for a path that leaves its root. */
export function pathNames(path: ByteText): ByteText[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  for (const name of names) {
    const wrong = whatIsWrongWithName(name)
    if (wrong !== undefined) throw new Fault('invalid', `not a path in a snapshot: ${wrong}: ${JSON.stringify(shownName(path))}`)
  }
  return names
}
