import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { errno } from '../disk.ts'
import { Fault } from '../fault.ts'

const unzip = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip)

/** The content of a body that may be compressed; more than `limit` bytes of it are `corrupt`. */
export async function decoded(bytes: Uint8Array, encoding: string | undefined, limit: number, at: string): Promise<Uint8Array> {
  if (encoding === undefined || encoding === '' || encoding === 'identity' || bytes.byteLength === 0) return bytes
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new Fault('unsupported', `${at} came in the encoding ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`, { at })
  }
  try {
    return await unzip(bytes, { maxOutputLength: Math.max(1, limit) })
  } catch (error) {
    if (errno(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(at, limit)
    throw new Fault('corrupt', `${at} is not the gzip that it is said to be`, { at, cause: error })
  }
}

export function tooLarge(at: string, limit: number): Fault {
  return new Fault('corrupt', `${at} is larger than its limit of ${limit} bytes`, { at })
}
