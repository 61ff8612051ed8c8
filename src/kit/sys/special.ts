import { Fault } from '../fault.ts'
import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'
import { placeName, terminated } from './place.ts'

/** The two numbers of a device. */
export interface DeviceNumber {
  readonly major: number
  readonly minor: number
}

export type SpecialKind = 'fifo' | 'socket' | 'character-device' | 'block-device'

export interface SpecialCalls {
  /**
   * Makes a special file; `mode` is its permission bits, less the umask. Devices need their numbers, and a privilege that
   * few have: without it they are `denied`. Where the name is taken: `already-exists`.
   */
  makeSpecial(path: string | Uint8Array, kind: SpecialKind, mode: number, device?: DeviceNumber): void
}

const currentDirectory = -100
const typeBits: Readonly<Record<SpecialKind, number>> = {
  fifo: 0o010000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  socket: 0o140000,
}

export function specialCalls(libc: Libc): SpecialCalls {
  // By number: before version 2.33, glibc has no function of that name to be found.
  const mknodat = libc.bind({
    symbol: { x64: 259, arm64: 33 },
    returns: 'int',
    takes: ['int', 'void *', 'uint32_t', 'uint32_t'],
    doing: 'make a special file',
  })
  return {
    makeSpecial(path, kind, mode, device) {
      const isDevice = kind === 'character-device' || kind === 'block-device'
      if (isDevice !== (device !== undefined))
        throw new Fault('invalid', 'devices have numbers, and nothing else has', { at: placeName(path) })
      const number = device === undefined ? 0 : joinDevice(device)
      if (mknodat(currentDirectory, terminated(path), typeBits[kind] | (mode & 0o7777), number) === 0) return
      throw systemFault(libc.errorNumber(), `make a ${kind.replace('-', ' ')}`, path)
    },
  }
}

/** The numbers of a device from the `rdev` of its stats. */
export function splitDevice(rdev: bigint): DeviceNumber {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  }
}

/** The kernel's own form (linux/kdev_t.h, new_encode_dev): 12 bits of major, 20 of minor. */
function joinDevice({ major, minor }: DeviceNumber): number {
  const fits = Number.isInteger(major) && Number.isInteger(minor) && major >= 0 && minor >= 0 && major < 1 << 12 && minor < 1 << 20
  if (!fits) throw new Fault('invalid', `there is no device ${major}:${minor}`)
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0
}
