import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Writable } from 'node:stream'
import { diskFault, errno, Fault, realDisk, syncDirectory, temporaryBeside, throwIfAborted, untilAborted } from '../../kit/index.ts'

/** Where an archive goes: a file, which it replaces once it is whole (a link stays, and what it points to is replaced), or a stream such as the standard output, which is not ended. */
export type ExportTarget = { readonly file: string } | { readonly stream: Writable }

/** Sends bytes where they go; how many there were. */
export async function writeOut(bytes: AsyncIterable<Uint8Array>, target: ExportTarget, signal?: AbortSignal): Promise<number> {
  if ('stream' in target) return await writeToStream(bytes, target.stream, signal)
  return await besideFirst(target.file, async (temporary) => {
    const handle = await open(temporary, 'wx')
    try {
      let written = 0
      for await (const piece of bytes) {
        throwIfAborted(signal)
        await handle.writeFile(piece)
        written += piece.byteLength
      }
      await handle.sync()
      return written
    } finally {
      await handle.close()
    }
  })
}

/** The same for what a program writes into a file of its own. */
export async function writeOutFile(make: (file: string) => Promise<void>, target: ExportTarget, signal?: AbortSignal): Promise<number> {
  const finish = async (file: string) => {
    await make(file)
    const handle = await open(file, 'r+')
    try {
      await handle.sync()
      return (await handle.stat()).size
    } finally {
      await handle.close()
    }
  }
  if ('file' in target) return await besideFirst(target.file, finish)
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-export-'))
  try {
    const file = path.join(folder, 'image')
    await finish(file)
    return await writeToStream(createReadStream(file, { highWaterMark: 1 << 20 }), target.stream, signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function besideFirst<T>(named: string, make: (temporary: string) => Promise<T>): Promise<T> {
  const file = await replaceable(named)
  const temporary = temporaryBeside(file)
  try {
    const result = await make(temporary)
    await rename(temporary, file)
    await syncDirectory(realDisk, path.dirname(file))
    return result
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    // Only what the disk itself has said: the bytes come from elsewhere.
    if (errno(error) === 'ENOENT' && !existsSync(path.dirname(file)))
      throw new Fault('not-found', 'the folder that the archive would lie in does not exist', {
        at: path.dirname(file),
        hint: 'make it, or name another',
        cause: error,
      })
    throw errno(error) === undefined ? error : diskFault(error, file, 'write the archive')
  }
}

/** The file that is written: what stands there may be a file only, so that no device, pipe or directory is lost. */
async function replaceable(named: string): Promise<string> {
  try {
    if ((await stat(named)).isFile()) return await realpath(named)
  } catch (error) {
    if (errno(error) === 'ENOENT') return named
    throw diskFault(error, named, 'write the archive')
  }
  throw new Fault('invalid', 'what stands where the archive would be is not a file, and is not replaced', {
    at: named,
    hint: 'name a file; into a pipe or device goes the standard output, without --output',
  })
}

async function writeToStream(bytes: AsyncIterable<Uint8Array>, stream: Writable, signal?: AbortSignal): Promise<number> {
  let failure: Error | undefined
  let wake: () => void = () => undefined
  const drained = () => new Promise<void>((resolve) => stream.once('drain', (wake = resolve)))
  const onError = (error: Error) => {
    failure ??= error
    wake()
  }
  stream.on('error', onError)
  try {
    let written = 0
    for await (const piece of bytes) {
      throwIfAborted(signal)
      if (failure === undefined && !stream.write(piece)) await untilAborted(drained(), signal)
      if (failure !== undefined) throw closed(failure)
      written += piece.byteLength
    }
    return written
  } finally {
    stream.off('error', onError)
  }
}

function closed(error: Error): Fault {
  return new Fault('unavailable', `whoever reads the archive has stopped: ${error.message}`, { cause: error })
}
