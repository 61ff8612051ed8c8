import { gzipSync } from 'node:zlib'
import { type Answer, type Asked, digestOf, hexOf, isHeld } from '../kit/index.ts'

/** A document as it is sent, with what tells whether a client has it already. */
export interface Document {
  readonly bytes: Uint8Array
  readonly zipped: Uint8Array | undefined
  readonly etag: string
}

/** Below it, compressing saves nothing that counts. */
const leastZipped = 1_400

export function documentOf(value: unknown): Document {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  const zipped = bytes.byteLength < leastZipped ? undefined : gzipSync(bytes, { level: 1 })
  return { bytes, zipped, etag: `"${hexOf(digestOf(bytes)).slice(0, 32)}"` }
}

export function respondDocument({ headers }: Pick<Asked, 'headers'>, document: Document, isShared = true): Answer {
  const { etag, zipped, bytes } = document
  const facts = { etag, 'cache-control': isShared ? 'no-cache' : 'no-store', vary: 'accept-encoding' }
  if (isHeld(headers, { etag })) return { status: 304, headers: facts, body: null }
  const isZipped = zipped !== undefined && /(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?:1|0\.[1-9]))/.test(headers.get('accept-encoding') ?? '')
  const body = isZipped ? zipped : bytes
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'content-length': String(body.byteLength),
      ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
      ...facts,
    },
    body,
  }
}
