import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { Fault } from '../../kit/index.ts'

/** How the bytes of a block are stored. */
export type BlockMethod = 'raw' | 'zstd'

/** Plain bytes: what a reader is ready to hold for one block. */
export const maxBlockBytes = 8 << 20

export interface StoredBlock {
  readonly method: BlockMethod
  readonly bytes: Uint8Array
}

/** Compressing must win a 32nd, else reading would pay for nothing. */
const gain = 32
const sampleBytes = 32 << 10

/** One zstd frame, or the bytes themselves where they do not shrink. */
export function compressBlock(plain: Uint8Array, level: number): StoredBlock {
  const packed = zstdCompressSync(plain, {
    // One piece of output: zstd then compresses straight into it.
    chunkSize: plain.byteLength + (plain.byteLength >> 7) + 1024,
    pledgedSrcSize: plain.byteLength,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })
  if (packed.byteLength < plain.byteLength - plain.byteLength / gain) return { method: 'zstd', bytes: packed }
  freeNow(packed)
  return { method: 'raw', bytes: plain }
}

/**
 * Gives back the memory of bytes that are not needed any more. Each call of zlib makes a new buffer, and V8 lets 64 MB of
 * them come together in each thread before it looks.
 */
export function freeNow(bytes: Uint8Array): void {
  if (isAlone(bytes)) (bytes.buffer as ArrayBuffer).transfer(0)
}

/** Whether a buffer that Node made is surely not of the pool that small ones share. */
export function isAlone(bytes: Uint8Array): boolean {
  return bytes.buffer.byteLength > 2 * Buffer.poolSize
}

/** Whether compressing is likely to be worth it, told by a sample from the middle. */
export function seemsCompressible(plain: Uint8Array): boolean {
  const middle = Math.max(0, (plain.byteLength - sampleBytes) >> 1)
  return compressBlock(plain.subarray(middle, middle + sampleBytes), 1).method === 'zstd'
}

/** The plain bytes, which must be `length`: anything else is `corrupt`, and no more than that is ever made. */
export function decompressBlock(stored: StoredBlock, length: number, at: string): Uint8Array {
  if (length > maxBlockBytes) throw new Fault('corrupt', `a block of ${length} bytes is larger than the limit of ${maxBlockBytes}`, { at })
  const plain = stored.method === 'raw' ? stored.bytes : unpacked(stored.bytes, length, at)
  if (plain.byteLength !== length) throw new Fault('corrupt', `a block should have ${length} bytes and has ${plain.byteLength}`, { at })
  return plain
}

function unpacked(bytes: Uint8Array, length: number, at: string): Uint8Array {
  try {
    return zstdDecompressSync(bytes, { chunkSize: length + 64, maxOutputLength: Math.max(1, length) })
  } catch (error) {
    throw new Fault('corrupt', 'a block cannot be decompressed', { at, cause: error })
  }
}
