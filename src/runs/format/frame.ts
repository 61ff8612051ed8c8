import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { Fault } from '../../kit/index.ts'

/** One zstd frame. */
export function toFrame(plain: Uint8Array): Uint8Array {
  return zstdCompressSync(plain, {
    pledgedSrcSize: plain.byteLength,
    // One piece of output: zstd then compresses straight into it.
    chunkSize: plain.byteLength + (plain.byteLength >> 7) + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
  })
}

/** What a frame holds. More than `limit` bytes of it are never made: that, and what is no frame, is `corrupt`. */
export function fromFrame(frame: Uint8Array, limit: number, what: string, at: string): Uint8Array {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: Math.max(1, limit) })
  } catch (error) {
    throw new Fault('corrupt', `${what} cannot be decompressed to ${limit} bytes or less`, { at, cause: error })
  }
}
