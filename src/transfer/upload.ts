import { promises as fs } from 'node:fs'
import path from 'node:path'
import { bytesOfFile, type Digest, diskFault, Fault, isFault, type Report } from '../kit/index.ts'
import type { ObjectInfo, ObjectStore, PutOptions } from '../store/index.ts'
import { reported } from './reported.ts'

export interface FileToSend {
  readonly file: string
  /** What it was when it was described: any other bytes are refused. */
  readonly size: number
  readonly digest: Digest
}

export interface UploadOptions extends FileToSend, Omit<PutOptions, 'digest'> {
  readonly to: ObjectStore
  readonly key: string
  readonly report?: Report | undefined
}

/**
 * Puts a file under a key. Throws `corrupt` where the file is not what was described any more: shorter, longer or with
 * other bytes; nothing is visible then. `precondition` and the store's own faults pass.
 */
export async function uploadFile(options: UploadOptions): Promise<ObjectInfo> {
  const { file, size, to, key, report, ...put } = options
  await checkSize(options)
  const task = `send ${path.basename(file)}`
  report?.({ kind: 'begin', task, items: 1, bytes: size })
  const body = bytesOfFile(file, size)
  try {
    return await to.put(key, report === undefined ? body : reported(body, report, task), put)
  } catch (error) {
    throw isFault(error, 'corrupt') ? changed(options, error) : error
  } finally {
    report?.({ kind: 'end', task })
  }
}

async function checkSize({ file, size }: FileToSend): Promise<void> {
  const stats = await fs.stat(file).catch((error: unknown) => {
    throw diskFault(error, file, 'read the file')
  })
  if (stats.size !== size)
    throw new Fault('corrupt', `the file had ${size} bytes when it was read first, and has ${stats.size}`, { at: file, hint })
}

function changed({ file, digest }: FileToSend, cause: Fault): Fault {
  return new Fault('corrupt', `what was sent is not the file that was described, ${digest}`, { at: file, hint, cause })
}

const hint = 'it changed meanwhile: run it again when nothing writes to it'
