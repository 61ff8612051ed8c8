import { constants } from 'node:os'
import { Fault } from '../fault.ts'
import { systemFault } from './failure.ts'
import type { CValue, Libc } from './libc.ts'
import { type Place, placeName, terminated } from './place.ts'

export interface XattrCalls {
  /** The names of all extended attributes that the caller may know of, in byte order. None where the file system has none. */
  listXattrs(at: Place): Buffer[]
  /** The value; undefined where there is no such attribute. */
  readXattr(at: Place, name: Uint8Array | string): Buffer | undefined
  /** Where the file system has none, or no room for it: `unsupported`. */
  writeXattr(at: Place, name: Uint8Array | string, value: Uint8Array): void
  /** Whether there was one to remove. */
  removeXattr(at: Place, name: Uint8Array | string): boolean
}

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of the kernel: no list and no value is larger. */
const maxBytes = 65_536

const { ENODATA, ENOSPC, EOPNOTSUPP } = constants.errno

/** Extended attributes of a file, a directory, or a link itself and never of what it points to. */
export function xattrCalls(libc: Libc): XattrCalls {
  const list = pair(libc, 'listxattr', 'int64_t', ['void *', 'uint64_t'], 'list extended attributes')
  const get = pair(libc, 'getxattr', 'int64_t', ['void *', 'void *', 'uint64_t'], 'read an extended attribute')
  const set = pair(libc, 'setxattr', 'int', ['void *', 'void *', 'uint64_t', 'int'], 'write an extended attribute')
  const remove = pair(libc, 'removexattr', 'int', ['void *'], 'remove an extended attribute')
  let kept: Buffer | undefined
  const scratch = () => (kept ??= Buffer.allocUnsafeSlow(maxBytes))

  return {
    listXattrs(at) {
      const length = list(at, scratch(), maxBytes)
      if (length >= 0) return length === 0 ? [] : splitNames(scratch().subarray(0, length))
      const number = libc.errorNumber()
      if (number === EOPNOTSUPP) return []
      throw systemFault(number, 'list extended attributes', at)
    },
    readXattr(at, name) {
      const length = get(at, terminated(name), scratch(), maxBytes)
      if (length >= 0) return Buffer.from(scratch().subarray(0, length))
      const number = libc.errorNumber()
      if (number === ENODATA) return undefined
      throw systemFault(number, `read the extended attribute ${shown(name)}`, at)
    },
    writeXattr(at, name, value) {
      if (set(at, terminated(name), value, value.length, 0) === 0) return
      const number = libc.errorNumber()
      const doing = `write the extended attribute ${shown(name)}`
      // Some have a block for all attributes of a file (ext4), and say this when that is full, with a disk that is not.
      if (number === ENOSPC) throw new Fault('unsupported', `cannot ${doing}: the file system has no room for it`, { at: placeName(at) })
      throw systemFault(number, doing, at)
    },
    removeXattr(at, name) {
      if (remove(at, terminated(name)) === 0) return true
      const number = libc.errorNumber()
      if (number === ENODATA) return false
      throw systemFault(number, `remove the extended attribute ${shown(name)}`, at)
    },
  }
}

type PlacedFunction = (at: Place, ...values: readonly CValue[]) => number

/** Each of these calls has a form for a path (l…) and one for an open file (f…). */
function pair(libc: Libc, name: string, returns: 'int' | 'int64_t', takes: readonly ('int' | 'uint64_t' | 'void *')[], doing: string) {
  const byPath = libc.bind({ symbol: `l${name}`, returns, takes: ['void *', ...takes], doing })
  const byDescriptor = libc.bind({ symbol: `f${name}`, returns, takes: ['int', ...takes], doing })
  const call: PlacedFunction = (at, ...values) => (typeof at === 'number' ? byDescriptor(at, ...values) : byPath(terminated(at), ...values))
  return call
}

function splitNames(list: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let start = 0; start < list.length;) {
    const end = list.indexOf(0, start)
    found.push(Buffer.from(list.subarray(start, end)))
    start = end + 1
  }
  return found.sort(Buffer.compare)
}

function shown(name: Uint8Array | string): string {
  return typeof name === 'string' ? name : Buffer.from(name).toString('utf8')
}
