import { promises as fs } from 'node:fs'
import { type Bytes, bytesOfFile, type Digest, diskFault, Fault, isFault, type Report } from '../kit/index.ts'
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
  const task = `send ${key}`
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

export interface EnsureOptions extends Omit<PutOptions, 'if'> {
  readonly to: ObjectStore
  /** A key whose content never changes, such as one that holds its digest. */
  readonly key: string
  readonly body: Bytes
  readonly size: number
  readonly digest: Digest
}

/**
 * Makes sure that an object is there: looks first, and sends it only where it is missing. One of another size, or whose
 * digest the store knows to be another, throws `corrupt`: it is never replaced.
 */
export async function ensureObject(options: EnsureOptions): Promise<{ readonly info: ObjectInfo; readonly wasPresent: boolean }> {
  const { to, key, body, size, ...put } = options
  const { digest, signal } = options
  const present = await to.head(key, { signal })
  if (present === undefined) return { info: await to.put(key, body, put), wasPresent: false }
  if (present.size === size && (present.digest ?? digest) === digest) return { info: present, wasPresent: true }
  const found = present.digest === undefined || present.digest === digest ? `${present.size} bytes` : present.digest
  throw new Fault('corrupt', `the object that is there has ${found}, expected are ${size} bytes of ${digest}`, { at: `${to.name}/${key}` })
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
