import type { FileHandle } from 'node:fs/promises'
import { type Disk, realDisk } from '../../src/kit/index.ts'

/** A call on the disk or on an open file; a file's own are written with `file.` before them. */
export type DiskCall = keyof Disk | 'file.write' | 'file.read' | 'file.sync' | 'file.stat' | 'file.close'

export interface DiskFault {
  readonly call: DiskCall
  /** The n-th such call fails, counted from 1. */
  readonly nth: number
  /** The error's number, or `short`: a write or read that does only a part of it. */
  readonly fails: 'ENOSPC' | 'EIO' | 'EACCES' | 'EROFS' | 'EMFILE' | 'ENOENT' | 'EPERM' | 'short'
}

export interface FaultyDisk {
  readonly disk: Disk
  /** Every call so far, in order. */
  readonly calls: readonly DiskCall[]
  /** Throws where a planned fault was never reached: such a test proves nothing. */
  assertUsed(): void
}

const fileCalls = ['write', 'read', 'sync', 'stat', 'close'] as const

/** The real disk, on which the planned calls fail. A failing close closes; any other failing call does nothing. */
export function faultyDisk(...plan: readonly DiskFault[]): FaultyDisk {
  const calls: DiskCall[] = []
  const unused = new Set(plan)
  const faultFor = (call: DiskCall) => {
    calls.push(call)
    const nth = calls.filter((each) => each === call).length
    const fault = plan.find((each) => each.call === call && each.nth === nth)
    if (fault !== undefined) unused.delete(fault)
    return fault
  }
  const wrapped = (call: DiskCall, real: (...args: unknown[]) => Promise<unknown>) => {
    return async (...args: unknown[]) => {
      const fault = faultFor(call)
      if (fault === undefined) return await real(...args)
      if (fault.fails === 'short') return await real(args[0], args[1], Math.ceil(Number(args[2]) / 2), args[3])
      if (call === 'file.close') await real()
      throw Object.assign(new Error(`${fault.fails}: planned for ${call}`), { code: fault.fails })
    }
  }
  const wrapFile = (file: FileHandle) =>
    new Proxy(file, {
      get(target, name) {
        const real: unknown = Reflect.get(target, name, target)
        if (typeof real !== 'function') return real
        const known = fileCalls.find((each) => each === name)
        const bound = (...args: unknown[]): Promise<unknown> => Reflect.apply(real, target, args)
        return known === undefined ? bound : wrapped(`file.${known}`, bound)
      },
    })
  const disk = new Proxy(realDisk, {
    get(target, name: keyof Disk) {
      const real = target[name]
      const call = wrapped(name, (...args) => Reflect.apply(real, target, args))
      return name === 'open' ? async (...args: unknown[]) => wrapFile((await call(...args)) as FileHandle) : call
    },
  })
  return {
    disk,
    calls,
    assertUsed() {
      if (unused.size > 0) throw new Error(`planned faults that nothing reached: ${JSON.stringify([...unused])}`)
    },
  }
}
