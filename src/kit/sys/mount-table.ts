import { readFileSync } from 'node:fs'
import { diskFault } from '../disk.ts'

/** A line of the table of mounts, as the calling thread sees it. */
export interface MountEntry {
  readonly id: number
  /** The mount that it stands on. */
  readonly parent: number
  /** `major:minor` of the file system. */
  readonly device: string
  /** What part of the file system it shows. */
  readonly root: string
  readonly at: string
  /** Of the mount itself: `rw`, `nosuid`. */
  readonly flags: readonly string[]
  readonly isReadOnly: boolean
  /** Whether mounts made in it appear elsewhere too, or those made elsewhere in it. */
  readonly propagates: boolean
  readonly type: string
  readonly source: string
  /** Of the file system: `rw`, `lowerdir=…`. */
  readonly options: readonly string[]
}

/** All mounts, in the order in which they were attached. */
export function readMounts(): MountEntry[] {
  const table = '/proc/thread-self/mountinfo'
  try {
    return parseMounts(readFileSync(table, 'utf8'))
  } catch (error) {
    throw diskFault(error, table, 'read the table of mounts')
  }
}

/** The lines of `mountinfo`, proc(5): six fields, any number of optional ones up to a dash, three more. */
export function parseMounts(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ')
      const dash = fields.indexOf('-', 6)
      const [id = '', parent = '', device = '', root = '', at = '', flags = ''] = fields
      const [type = '', source = '', options = ''] = fields.slice(dash + 1)
      return {
        id: Number(id),
        parent: Number(parent),
        device,
        root: unescape(root),
        at: unescape(at),
        flags: flags.split(','),
        isReadOnly: flags.split(',').includes('ro'),
        propagates: dash > 6,
        type,
        source: unescape(source),
        options: options.split(',').map(unescape),
      }
    })
}

/** The mounts at exactly this path, the lowest first: each stands on the one before. */
export function mountsAt(at: string, table: readonly MountEntry[] = readMounts()): MountEntry[] {
  const here = table.filter((entry) => entry.at === at)
  const ids = new Set(here.map((entry) => entry.id))
  const stack: MountEntry[] = []
  for (let next = here.find((entry) => !ids.has(entry.parent)); next !== undefined;) {
    stack.push(next)
    const { id } = next
    next = here.find((entry) => entry.parent === id && entry !== stack[0])
  }
  return stack
}

/** Space, tab, newline and backslash stand as three octal digits; in the options of overlay, the comma too. */
function unescape(text: string): string {
  if (!text.includes('\\')) return text
  const bytes = Buffer.from(text)
  const plain: number[] = []
  for (let index = 0; index < bytes.length; index++) {
    const digits = /^\\([0-3][0-7]{2})/.exec(bytes.toString('latin1', index, index + 4))
    plain.push(digits === null ? bytes[index]! : Number.parseInt(digits[1]!, 8))
    if (digits !== null) index += 3
  }
  return Buffer.from(plain).toString('utf8')
}
