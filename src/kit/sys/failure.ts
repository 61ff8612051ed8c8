import { constants } from 'node:os'
import { diskFault } from '../disk.ts'
import { Fault } from '../fault.ts'
import { type Place, placeName } from './place.ts'

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

const meanings: Readonly<Record<string, { readonly code: ConstructorParameters<typeof Fault>[0]; readonly says: string }>> = {
  ENOTSUP: { code: 'unsupported', says: 'this file system cannot do it' },
  EOPNOTSUPP: { code: 'unsupported', says: 'this file system cannot do it' },
  ENOTTY: { code: 'unsupported', says: 'this file system cannot do it' },
  ENOSYS: { code: 'unsupported', says: 'this kernel cannot do it' },
  EINVAL: { code: 'invalid', says: 'the kernel or the file system refuses these values' },
  E2BIG: { code: 'invalid', says: 'it is too large' },
  ERANGE: { code: 'invalid', says: 'it is too large' },
  ETXTBSY: { code: 'busy', says: 'it is in use' },
  EBADF: { code: 'bug', says: 'the file is not open for this' },
}

/** A failed system call as a Fault. */
export function systemFault(number: number, doing: string, at: Place): Fault {
  const name = names.get(number) ?? `error ${number}`
  const cause = Object.assign(new Error(`${name}, ${doing}`), { code: name })
  const meaning = meanings[name]
  if (meaning === undefined) return diskFault(cause, placeName(at), doing)
  return new Fault(meaning.code, `cannot ${doing}: ${meaning.says}`, { at: placeName(at), cause })
}
