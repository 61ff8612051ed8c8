import { readFileSync } from 'node:fs'
import { errno } from '../../kit/index.ts'

/**
 * Whether this process is root only in a user namespace, as in a container without privileges: it may mount overlays there,
 * may not write trusted attributes, and what it mounts is gone with the namespace.
 */
export function isNamespaceRoot(map = '/proc/self/uid_map'): boolean {
  try {
    // user_namespaces(7): the first namespace maps every id to itself.
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync(map, 'utf8'))
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}
