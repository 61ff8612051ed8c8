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
  return packed.byteLength < plain.byteLength - plain.byteLength / gain
    ? { method: 'zstd', bytes: packed }
    : { method: 'raw', bytes: plain }
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
