import { constants, chmodSync, closeSync, fchmodSync, fchownSync, fstatSync, lchownSync, openSync } from 'node:fs'
import { diskFault, errno, Fault } from '../../kit/index.ts'
import { type Place, placeName } from '../../kit/sys/index.ts'
import { nodePath } from './capture.ts'

/** Changes the owner of an open file, an entry, or a link itself. An id that cannot be here is `invalid`. */
export function changeOwner(at: Place, uid: number, gid: number): void {
  // To the system call, the last number means: leave it.
  for (const id of [uid, gid]) {
    if (!Number.isInteger(id) || id < 0 || id >= 0xffff_ffff) throw new Fault('invalid', `there is no owner ${id}`, { at: placeName(at) })
  }
  try {
    if (typeof at === 'number') fchownSync(at, uid, gid)
    else lchownSync(nodePath(at), uid, gid)
  } catch (error) {
    // In a container, most ids stand for nobody.
    if (errno(error) === 'EINVAL')
      throw new Fault('invalid', 'cannot change the owner: this machine has no such id', { at: placeName(at), cause: error })
    throw diskFault(error, placeName(at), 'change the owner')
  }
}

/** O_PATH of Linux: a hold on the entry itself, which needs no right to read it. */
const holdOnly = 0o10000000

/** Changes the mode of an open file or an entry. A link is refused as `precondition`: its mode would be that of its target. */
export function changeMode(at: Place, mode: number): void {
  try {
    if (typeof at === 'number') fchmodSync(at, mode)
    else if (process.platform === 'linux') changeHeldMode(nodePath(at), mode)
    else chmodSync(nodePath(at), mode)
  } catch (error) {
    throw diskFault(error, placeName(at), 'change the mode')
  }
}

/** The call that changes a mode follows links. Through a hold on the entry, it cannot meet one that was put there just now. */
function changeHeldMode(path: string | Buffer, mode: number): void {
  const fd = openSync(path, holdOnly | constants.O_NOFOLLOW)
  try {
    if (fstatSync(fd).isSymbolicLink()) throw new Fault('precondition', 'cannot change the mode: it is a link', { at: placeName(path) })
    chmodHeld(fd, mode)
  } finally {
    closeSync(fd)
  }
}

function chmodHeld(fd: number, mode: number): void {
  try {
    chmodSync(`/proc/self/fd/${fd}`, mode)
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error
    throw new Fault('unsupported', 'cannot change the mode: /proc is not mounted', { cause: error })
  }
}
