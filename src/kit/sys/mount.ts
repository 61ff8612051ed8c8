import { closeSync, readSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'
import { placeName, terminated } from './place.ts'

type Path = string | Uint8Array

export type Withheld = 'nodev' | 'nosuid' | 'noexec'

/** A file system to be mounted, in the words of mount(8). */
export interface MountRequest {
  /** As in `/proc/filesystems`: ext4, overlay, squashfs. */
  readonly type: string
  /** The device; of file systems without one, any text, which the table of mounts then shows. */
  readonly source: string
  /** Options of the file system: those without a value are `true`. None may be longer than 255 bytes. */
  readonly options?: Readonly<Record<string, string | true>>
  readonly readOnly?: boolean | undefined
  /** What the mount withholds: device files, set-user-id bits, programs. */
  readonly withholds?: readonly Withheld[] | undefined
}

export interface MountCalls {
  /**
   * Makes a mount that stands nowhere yet, as a descriptor: it is gone with it, unless it was attached. Linux 5.2.
   * Throws what the file system says is wrong with the options; without the right to mount: `denied`.
   */
  createMount(request: MountRequest): number
  /** The mount that a path lies in, again, from that path down, and standing nowhere yet; without those inside of it. */
  cloneMount(at: Path): number
  /**
   * Gives a mount a place: on top of what stands there, or beneath it (Linux 6.5, and only under a mount), where it shows
   * once the top is detached.
   */
  attachMount(mount: number, at: Path, where: 'on-top' | 'beneath'): void
  /** Takes the topmost mount away from a path at once; what is still open in it stays so. `not-found`: nothing is mounted there. */
  detachMount(at: Path): void
  /** Takes it away only if nobody uses it: otherwise `busy`. */
  unmount(at: Path): void
  /** Whether anybody may write through the topmost mount there; `busy` where a file is open for writing and is not to be. */
  setMountReadOnly(at: Path, isReadOnly: boolean): void
  /**
   * Gives this thread mounts of its own: changes of them are no longer seen by others, nor theirs here. For a worker thread
   * that ends afterwards, since there is no way back.
   */
  leaveSharedMounts(): void
}

// linux/mount.h
const currentDirectory = -100
const closeOnExec = 1
const setFlag = 0
const setString = 1
const create = 6
const readOnlyAttribute = 1
const attributeOf: Readonly<Record<Withheld, number>> = { nosuid: 2, nodev: 4, noexec: 8 }
const cloneTree = 1
const closeOnExecTree = 0o2000000
const fromDescriptor = 4
const beneath = 0x200
const lazily = 2
const notFollowing = 8
const newMounts = 0x00020000
const recursively = 0x8000
const asPrivate = 1 << 18

export function mountCalls(libc: Libc): MountCalls {
  const calls = bindCalls(libc)
  const demand: Demand = (result, doing, at, request) => {
    if (result >= 0) return result
    const number = libc.errorNumber()
    const said = request === undefined ? '' : complaints(request)
    if (said !== '') throw new Fault(isDenial(number) ? 'denied' : 'unsupported', `cannot ${doing}: ${said}`, { at: placeName(at) })
    throw systemFault(number, doing, at)
  }
  const setAttributes = (at: Path, flags: number, change: { set?: number; clear?: number; propagation?: number }, doing: string) => {
    const { set = 0, clear = 0, propagation = 0 } = change
    const request = BigUint64Array.of(BigInt(set), BigInt(clear), BigInt(propagation), 0n)
    demand(calls.mountSetattr(currentDirectory, terminated(at), flags, request, request.byteLength), doing, at)
  }
  const takeAway = (at: Path, flags: number) => {
    if (calls.umount2(terminated(at), flags | notFollowing) === 0) return
    const number = libc.errorNumber()
    if (number === 22) throw new Fault('not-found', 'cannot unmount it: nothing is mounted there', { at: placeName(at) })
    throw systemFault(number, 'unmount it', at)
  }

  return {
    createMount: (wanted) => createMount(calls, demand, wanted),
    cloneMount: (at) => demand(calls.openTree(currentDirectory, terminated(at), cloneTree | closeOnExecTree), 'clone the mount', at),
    attachMount(mount, at, where) {
      const flags = fromDescriptor | (where === 'beneath' ? beneath : 0)
      demand(
        calls.moveMount(mount, terminated(''), currentDirectory, terminated(at), flags),
        `attach a mount ${where.replace('-', ' ')}`,
        at,
      )
    },
    detachMount: (at) => takeAway(at, lazily),
    unmount: (at) => takeAway(at, 0),
    setMountReadOnly(at, isReadOnly) {
      const [set, clear] = isReadOnly ? [readOnlyAttribute, 0] : [0, readOnlyAttribute]
      setAttributes(at, 0, { set, clear }, isReadOnly ? 'make the mount read-only' : 'make the mount writable')
    },
    leaveSharedMounts() {
      demand(calls.unshare(newMounts), 'leave the shared mounts', '/')
      setAttributes('/', recursively, { propagation: asPrivate }, 'leave the shared mounts')
    },
  }
}

/** Gives a result that is none of a failure, and throws what the system says, or the file system said of that request. */
type Demand = (result: number, doing: string, at: Path, request?: number) => number

function createMount(calls: ReturnType<typeof bindCalls>, demand: Demand, wanted: MountRequest): number {
  const doing = `mount ${wanted.type}`
  const request = demand(calls.fsopen(terminated(wanted.type), closeOnExec), doing, wanted.source)
  try {
    const text = (key: string, value: string) =>
      demand(calls.fsconfig(request, setString, terminated(key), terminated(value), 0), `${doing} with ${key}`, value, request)
    const flag = (key: string) =>
      demand(calls.fsconfig(request, setFlag, terminated(key), null, 0), `${doing} with ${key}`, wanted.source, request)
    text('source', wanted.source)
    if (wanted.readOnly === true) flag('ro')
    for (const [key, value] of Object.entries(wanted.options ?? {})) {
      if (value === true) flag(key)
      else text(key, value)
    }
    demand(calls.fsconfig(request, create, null, null, 0), doing, wanted.source, request)
    const flags = (wanted.withholds ?? []).reduce((all, each) => all | attributeOf[each], wanted.readOnly === true ? readOnlyAttribute : 0)
    return demand(calls.fsmount(request, closeOnExec, flags), doing, wanted.source, request)
  } finally {
    closeSync(request)
  }
}

function bindCalls(libc: Libc) {
  const doing = 'mount a file system'
  const numbered = (number: number, takes: readonly ('int' | 'uint32_t' | 'uint64_t' | 'void *')[]) =>
    libc.bind({ symbol: { x64: number, arm64: number }, returns: 'int', takes, doing })
  return {
    openTree: numbered(428, ['int', 'void *', 'uint32_t']),
    moveMount: numbered(429, ['int', 'void *', 'int', 'void *', 'uint32_t']),
    fsopen: numbered(430, ['void *', 'uint32_t']),
    fsconfig: numbered(431, ['int', 'uint32_t', 'void *', 'void *', 'int']),
    fsmount: numbered(432, ['int', 'uint32_t', 'uint32_t']),
    mountSetattr: numbered(442, ['int', 'void *', 'uint32_t', 'void *', 'uint64_t']),
    umount2: libc.bind({ symbol: 'umount2', returns: 'int', takes: ['void *', 'int'], doing: 'unmount a file system' }),
    unshare: libc.bind({ symbol: 'unshare', returns: 'int', takes: ['int'], doing: 'leave the shared mounts' }),
  }
}

/** What the file system has said about a request: each read gives one message, `e overlay: …`, until there are no more. */
function complaints(request: number): string {
  const said: string[] = []
  const line = Buffer.alloc(4096)
  for (;;) {
    try {
      const message = line.toString('utf8', 0, readSync(request, line)).trim()
      if (/^[ew] /.test(message)) said.push(message.slice(2))
    } catch {
      return said.join('; ')
    }
  }
}

function isDenial(number: number): boolean {
  return number === 1 || number === 13
}
