import { createHash, hash } from 'node:crypto'
import { Fault } from './fault.ts'

/** A SHA-256 of bytes, written as OCI writes it: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`

const form = /^sha256:[0-9a-f]{64}$/

/** Whether it is written `sha256:` and 64 lower-case hex digits. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && form.test(text)
}

/** The text as a digest. Throws `invalid` where it is none. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new Fault('invalid', `not a digest: ${JSON.stringify(text)}`, {
    hint: 'a digest is written sha256: followed by 64 lower-case hex digits',
  })
}

/** Its 64 hex digits, without the algorithm. */
export function hexOf(digest: Digest): string {
  return digest.slice(7)
}

/** SHA-256 of bytes that are in memory; of text, of its UTF-8. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${hash('sha256', bytes, 'hex')}`
}

export interface Hasher {
  update(piece: Uint8Array): void
  /** Ends it: a hasher gives its digest once. */
  digest(): Digest
}

/** SHA-256 of bytes that come in pieces. */
export function hasher(): Hasher {
  const state = createHash('sha256')
  return {
    update: (piece) => void state.update(piece),
    digest: () => `sha256:${state.digest('hex')}`,
  }
}
