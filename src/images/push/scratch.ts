import { type FileHandle, open, unlink } from 'node:fs/promises'
import path from 'node:path'
import { type Bytes, bytesFrom, diskFault, pieceSize, temporaryBeside, makeDirectories } from '../../kit/index.ts'

/** Room on a disk for layers that have to be read before it is known what they are. Shared by images that are pushed side by side. */
export interface Scratch {
  /** Undefined where so much does not fit, and then nothing was read. */
  keep(content: AsyncIterable<Uint8Array>, size: number): Promise<KeptContent | undefined>
}

export interface KeptContent {
  readonly bytes: Bytes
  remove(): Promise<void>
}

/** At most so many bytes at once. What is kept has no name in the folder, so that nothing stays there however the process ends. */
export function scratchIn(folder: string, limit: number): Scratch {
  let left = limit
  return {
    async keep(content, size) {
      if (size > left) return undefined
      left -= size
      try {
        const handle = await openNameless(folder)
        let isOpen = true
        const remove = async () => {
          if (!isOpen) return
          isOpen = false
          left += size
          await handle.close()
        }
        try {
          for await (const piece of content) await writeAll(handle, piece)
        } catch (error) {
          await remove()
          throw error
        }
        return { bytes: bytesFrom(() => readAll(handle, size), size), remove }
      } catch (error) {
        throw diskFault(error, folder, 'keep a layer on the disk')
      }
    },
  }
}

async function openNameless(folder: string): Promise<FileHandle> {
  await makeDirectories(folder)
  const file = temporaryBeside(path.join(folder, 'layer'))
  const handle = await open(file, 'wx+', 0o600)
  await unlink(file)
  return handle
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength;) at += (await handle.write(piece, at)).bytesWritten
}

async function* readAll(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  const room = new Uint8Array(pieceSize)
  for (let at = 0; at < size;) {
    const { bytesRead } = await handle.read(room, 0, Math.min(pieceSize, size - at), at)
    if (bytesRead === 0) return
    at += bytesRead
    yield room.subarray(0, bytesRead)
  }
}
