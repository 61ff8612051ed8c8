import type { Digest } from '../../kit/index.ts'

/** A digest's 32 bytes as it is written. */
export function digestText(bytes: Uint8Array): Digest {
  return `sha256:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
}
