import { constants } from 'node:os'
import { systemFault } from './failure.ts'
import type { CFunction, Libc } from './libc.ts'
import { terminated } from './place.ts'

/** The machine's users and groups, as its own name service knows them. Each call asks: cache what is asked often. */
export interface AccountCalls {
  userName(id: number): string | undefined
  groupName(id: number): string | undefined
  userId(name: string): number | undefined
  groupId(name: string): number | undefined
}

/** In struct passwd and struct group alike, of glibc and musl on 64 bits: the name's address first, the id after the password's. */
const nameOffset = 0
const idOffset = 16
const recordBytes = 64
const largestText = 1 << 20

/** What else "there is none" may look like (getpwnam(3), notes). */
const absent = new Set([0, constants.errno.ENOENT, constants.errno.ESRCH])

export function accountCalls(libc: Libc): AccountCalls {
  const doing = 'look up a user or group'
  const bind = (symbol: string, key: 'uint32_t' | 'void *') =>
    libc.bind({ symbol, returns: 'int', takes: [key, 'void *', 'void *', 'uint64_t', 'void *'], doing })
  const [userById, groupById] = [bind('getpwuid_r', 'uint32_t'), bind('getgrgid_r', 'uint32_t')]
  const [userByName, groupByName] = [bind('getpwnam_r', 'void *'), bind('getgrnam_r', 'void *')]

  const find = <T>(call: CFunction, key: number | string, take: (record: Buffer) => T): T | undefined => {
    const wanted = typeof key === 'number' ? key : terminated(key)
    const record = Buffer.alloc(recordBytes)
    const found = new BigUint64Array(1)
    for (let size = 4096; ; size *= 4) {
      // The name that the record points to lies in here.
      const text = Buffer.alloc(size)
      const number = call(wanted, record, text, size, found)
      if (number === 0 && found[0] !== 0n) return take(record)
      if (absent.has(number)) return undefined
      const again = number === constants.errno.EINTR || (number === constants.errno.ERANGE && size < largestText)
      if (!again) throw systemFault(number, doing, String(key))
    }
  }
  const nameIn = (record: Buffer) => libc.textAt(record.readBigUInt64LE(nameOffset))
  const idIn = (record: Buffer) => record.readUInt32LE(idOffset)

  return {
    userName: (id) => find(userById, id, nameIn),
    groupName: (id) => find(groupById, id, nameIn),
    userId: (name) => find(userByName, name, idIn),
    groupId: (name) => find(groupByName, name, idIn),
  }
}
