import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, Fault, realDisk, syncDirectory, temporaryBeside, throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'

/** A tar that is written beside its file and takes its place when it is whole. One member at a time. */
export interface TarFile {
  /** `name` is asked for when all was written. Throws what the content throws; then the tar is as it was before. */
  add(content: AsyncIterable<Uint8Array>, name: () => string, o?: Signal): Promise<void>
  finish(): Promise<void>
  /** Throws away what is not finished. Idempotent. */
  discard(): Promise<void>
}

const block = 512

/** Nothing is on the disk before the first member. */
export function createTarFile(file: string): TarFile {
  const temporary = temporaryBeside(file)
  let handle: FileHandle | undefined
  let position = 0
  const onDisk = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof Fault || !(error instanceof Error && 'syscall' in error)) throw error
      throw diskFault(error, file, doing)
    }
  }
  return {
    add: async (content, name, o) =>
      await onDisk('write the archive', async () => {
        handle ??= await realDisk.open(temporary, 'wx', 0o666)
        let size = 0
        for await (const piece of content) {
          throwIfAborted(o?.signal)
          await writeAll(handle, piece, position + block + size)
          size += piece.byteLength
        }
        await writeAll(handle, header(name(), size), position)
        await writeAll(handle, new Uint8Array((block - (size % block)) % block), position + block + size)
        position += block + Math.ceil(size / block) * block
      }),
    finish: async () =>
      await onDisk('write the archive', async () => {
        if (handle === undefined) throw new Fault('bug', 'an archive without members', { at: file })
        // What a member that failed has left is cut off.
        await handle.truncate(position)
        await writeAll(handle, new Uint8Array(2 * block), position)
        await handle.sync()
        await handle.close()
        handle = undefined
        await realDisk.rename(temporary, file)
        await syncDirectory(realDisk, path.dirname(file))
      }),
    async discard() {
      const open = handle
      handle = undefined
      await open?.close()
      if (open !== undefined) await realDisk.unlink(temporary).catch(() => undefined)
    },
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.byteLength - at, position + at)
    at += bytesWritten
  }
}

/** Of a plain file of ustar (POSIX.1-2001), without owner and time, so that the same content gives the same archive. */
function header(name: string, size: number): Uint8Array {
  const bytes = Buffer.alloc(block)
  if (Buffer.byteLength(name) > 100) throw new Fault('bug', `too long a name for a header of ustar: ${name}`)
  bytes.write(name, 0)
  bytes.write('0000644\0', 100)
  bytes.write('0000000\0', 108)
  bytes.write('0000000\0', 116)
  writeSize(bytes, size)
  bytes.write('00000000000\0', 136)
  bytes.write('        ', 148)
  bytes.write('0', 156)
  bytes.write('ustar\x0000', 257)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}

/** Eleven octal digits; past 8 GiB binary as GNU tar has it, which all readers of today know. */
function writeSize(bytes: Buffer, size: number): void {
  if (size < 8 ** 11) {
    bytes.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
    return
  }
  bytes[124] = 0x80
  bytes.writeBigUInt64BE(BigInt(size), 128)
}
