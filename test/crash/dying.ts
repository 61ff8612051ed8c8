import type { FileHandle } from 'node:fs/promises'
import { type Bytes, type Disk, realDisk } from '../../src/kit/index.ts'
import type { ObjectBody, ObjectStore } from '../../src/store/index.ts'

/** Counts the moments at which a process could be killed, and kills it (SIGKILL) at one of them. */
export interface Deadline {
  /** Moments so far. */
  readonly count: number
  /** One more moment. Where it is the one, nothing of this process runs after this call. */
  pass(): void
}

/** `killAt` is counted from 1; 0 never comes. */
export function createDeadline(killAt: number): Deadline {
  let count = 0
  return {
    get count() {
      return count
    },
    pass() {
      if (++count === killAt) process.kill(process.pid, 'SIGKILL')
    },
  }
}

/**
 * A store whose user may be killed before each operation, after it was applied, and in the middle of a body that is put or got; with
 * `onlyChanges` not where it reads, since that leaves the store as the operation before did.
 */
export function dyingStore(store: ObjectStore, deadline: Deadline, onlyChanges = false): ObjectStore {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    deadline.pass()
    const result = await work()
    deadline.pass()
    return result
  }
  const changes: Pick<ObjectStore, 'near' | 'put' | 'delete'> = {
    near: store.near && { ...store.near, copyFrom: (...args) => around(() => store.near!.copyFrom(...args)) },
    put: (key, body, options) => around(() => store.put(key, dyingBytes(body, deadline), options)),
    delete: (...args) => around(() => store.delete(...args)),
  }
  if (onlyChanges) return { ...store, ...changes }
  return {
    ...store,
    ...changes,
    head: (...args) => around(() => store.head(...args)),
    async get(...args) {
      const body = await around(() => store.get(...args))
      return { ...dyingBytes(body, deadline), info: body.info, length: body.length } satisfies ObjectBody
    },
    async *list(...args) {
      deadline.pass()
      yield* store.list(...args)
      deadline.pass()
    },
  }
}

/** The same bytes; whoever takes them may be killed when it has the first half of a piece, and after each piece. */
export function dyingBytes(bytes: Bytes, deadline: Deadline): Bytes {
  return {
    length: bytes.length,
    rewindable: bytes.rewindable,
    async *[Symbol.asyncIterator]() {
      for await (const piece of bytes) {
        const half = Math.ceil(piece.byteLength / 2)
        yield piece.subarray(0, half)
        deadline.pass()
        yield piece.subarray(half)
      }
    },
  }
}

const changing = new Set<string | symbol>(['open', 'rename', 'link', 'unlink', 'mkdir', 'rmdir', 'copyFile', 'symlink'])

/** The real disk, on which a process may be killed before and after each call that changes something, and half way through a write. */
export function dyingDisk(deadline: Deadline, disk: Disk = realDisk): Disk {
  const around = async (work: () => Promise<unknown>): Promise<unknown> => {
    deadline.pass()
    const result = await work()
    deadline.pass()
    return result
  }
  const wrapFile = (file: FileHandle) =>
    new Proxy(file, {
      get(target, name) {
        const real: unknown = Reflect.get(target, name, target)
        if (typeof real !== 'function') return real
        const call = (args: unknown[]): Promise<unknown> => Reflect.apply(real, target, args)
        if (name === 'sync') return (...args: unknown[]) => around(() => call(args))
        if (name !== 'write') return (...args: unknown[]) => call(args)
        return async (piece: Uint8Array, start: number, length: number, position?: number) => {
          const half = Math.ceil(length / 2)
          const done = (await call([piece, start, half, position])) as { bytesWritten: number }
          deadline.pass()
          // A short write is no error: the driver goes on with the rest.
          return done
        }
      },
    })
  return new Proxy(disk, {
    get(target, name: keyof Disk) {
      const call = (args: unknown[]): Promise<unknown> => Reflect.apply(target[name], target, args)
      if (!changing.has(name)) return (...args: unknown[]) => call(args)
      return async (...args: unknown[]) => {
        const isReading = name === 'open' && (typeof args[1] !== 'string' || args[1].startsWith('r'))
        const result = isReading ? await call(args) : await around(() => call(args))
        return name === 'open' ? wrapFile(result as FileHandle) : result
      }
    },
  })
}
