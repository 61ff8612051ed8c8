import { closeSync, existsSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { diskFault } from '../disk.ts'
import { Fault } from '../fault.ts'
import { systemFault } from './failure.ts'
import type { Libc } from './libc.ts'

export interface LoopDevice {
  /** As in `/dev/loop3`: what a mount takes as its source. */
  readonly device: string
  /** The open device: it lives until this is closed and nothing of it is mounted. */
  readonly fd: number
}

export interface LoopCalls {
  /**
   * Makes a file a block device. It goes by itself with its last user, so that a killed process leaves none behind. Linux
   * 5.8. `denied` without the right to; `unsupported` where this machine has no loop devices.
   */
  attachLoop(image: string, options?: { readonly readOnly?: boolean }): LoopDevice
  /** Takes over the new size of a file that has grown. */
  refreshLoopSize(device: number): void
}

// linux/loop.h
const getFree = 0x4c82
const configure = 0x4c0a
const setCapacity = 0x4c07
const readOnlyFlag = 1
const autoClear = 4
const configBytes = 304
const flagsAt = 60
const nameAt = 64
const nameBytes = 64
const maxTries = 64

export function loopCalls(libc: Libc): LoopCalls {
  const doing = 'attach a loop device'
  const control = libc.bind({ symbol: 'ioctl', returns: 'int', takes: ['int', 'uint64_t', 'uint64_t'], doing })
  const set = libc.bind({ symbol: 'ioctl', returns: 'int', takes: ['int', 'uint64_t', 'void *'], doing })

  /** Undefined where another took that device in between. */
  const takeFree = (image: number, config: Buffer, isReadOnly: boolean): LoopDevice | undefined => {
    const desk = openPlain('/dev/loop-control', 'r+', doing)
    let number
    try {
      number = control(desk, getFree, 0)
      if (number < 0) throw systemFault(libc.errorNumber(), doing, '/dev/loop-control')
    } finally {
      closeSync(desk)
    }
    const device = `/dev/loop${number}`
    const fd = openPlain(device, isReadOnly ? 'r' : 'r+', doing)
    config.writeUInt32LE(image, 0)
    if (set(fd, configure, config) === 0) return { device, fd }
    const failure = libc.errorNumber()
    closeSync(fd)
    if (failure === constants.errno.EBUSY) return undefined
    throw systemFault(failure, doing, device)
  }

  return {
    attachLoop(image, { readOnly = false } = {}) {
      const missing = libc.whyMissing()
      if (missing !== undefined) throw new Fault('unsupported', `cannot ${doing}: ${missing}`)
      const file = openPlain(image, readOnly ? 'r' : 'r+', doing)
      try {
        const config = Buffer.alloc(configBytes)
        config.writeUInt32LE(autoClear | (readOnly ? readOnlyFlag : 0), flagsAt)
        Buffer.from(image).copy(config, nameAt, 0, nameBytes - 1)
        for (let tries = 0; tries < maxTries; tries++) {
          const taken = takeFree(file, config, readOnly)
          if (taken !== undefined) return taken
        }
        throw new Fault('busy', `cannot ${doing}: others took ${maxTries} free ones first`, { at: image })
      } finally {
        closeSync(file)
      }
    },
    refreshLoopSize(device) {
      if (control(device, setCapacity, 0) !== 0) throw systemFault(libc.errorNumber(), 'take over the size of an image', device)
    },
  }
}

function openPlain(file: string, how: 'r' | 'r+', doing: string): number {
  if (file === '/dev/loop-control' && !existsSync(file)) {
    throw new Fault('unsupported', `cannot ${doing}: this machine has no loop devices`, { at: file, hint: 'load them: sudo modprobe loop' })
  }
  try {
    return openSync(file, how)
  } catch (error) {
    throw diskFault(error, file, doing)
  }
}
