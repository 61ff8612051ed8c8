import { bytesOf, type Digest, freeRoom } from '../../kit/index.ts'
import { compressLayer, type LayerFacts, type LayerForm, type Registry, sendStream } from '../../oci/index.ts'
import type { KnownLayer } from './layer-memory.ts'

export interface LayerToSend {
  readonly content: AsyncIterable<Uint8Array>
  readonly form: LayerForm
  /** After the content was read to its end. */
  readonly facts: () => Omit<LayerFacts, 'offset'>
}

export interface LayerTarget {
  readonly registry: Registry
  readonly repository: string
  /** Whether the registry has a blob already, or takes it over from another repository. */
  ask(blob: { readonly digest: Digest; readonly size: number }): Promise<'there' | 'mounted' | undefined>
  readonly signal: AbortSignal | undefined
}

export interface SentLayer {
  readonly layer: KnownLayer
  readonly how: 'there' | 'mounted' | 'sent'
}

/** A layer that is no larger than this is asked for before it is sent, since all of it is here when its digest is known. */
export const smallBytes = 4 << 20

/** Two of them are in memory for each layer that is on its way. */
const chunkBytes = 8 << 20

/** Compressed, unless it is so already, and sent as it comes; memory is bounded by a few chunks. */
export async function sendLayer(layer: LayerToSend, target: LayerTarget): Promise<SentLayer> {
  const { registry, repository, signal } = target
  const { bytes, known } = inRegistryForm(layer)
  const source = bytes[Symbol.asyncIterator]()
  try {
    const { pieces, hasEnded } = await takeFirst(source)
    if (hasEnded) {
      const how = await target.ask(known())
      if (how === undefined) await registry.putBlob(repository, known().digest, bytesOf(Buffer.concat(pieces)), { signal })
      return { layer: known(), how: how ?? 'sent' }
    }
    const upload = await registry.openUpload(repository, { signal, chunkBytes })
    try {
      await sendStream(upload, chained(pieces, source), { signal })
      await upload.finish(known().digest, { signal })
    } catch (error) {
      // A caller that stops does not wait.
      if (signal?.aborted !== true) await upload.cancel()
      throw error
    }
    return { layer: known(), how: 'sent' }
  } finally {
    await source.return?.()
  }
}

/** What the layer becomes without sending it. */
export async function measureLayer(layer: LayerToSend): Promise<KnownLayer> {
  const { bytes, known } = inRegistryForm(layer)
  for await (const _ of bytes);
  return known()
}

function inRegistryForm({ content, form, facts }: LayerToSend): { readonly bytes: AsyncIterable<Uint8Array>; known(): KnownLayer } {
  if (form !== 'plain') {
    const known = () => {
      const { digest, diffId, size } = facts()
      return { archived: digest, diffId, digest, size, form }
    }
    return { bytes: content, known }
  }
  const compressing = compressLayer(content, () => facts().diffId)
  const known = (): KnownLayer => {
    const { diffId, digest, size } = compressing.result()
    return { archived: diffId, diffId, digest, size, form: 'gzip' }
  }
  return { bytes: compressing.bytes, known }
}

async function takeFirst(source: AsyncIterator<Uint8Array>): Promise<{ readonly pieces: Uint8Array[]; readonly hasEnded: boolean }> {
  const pieces: Uint8Array[] = []
  for (let size = 0; size <= smallBytes;) {
    const next = await source.next()
    if (next.done === true) return { pieces, hasEnded: true }
    pieces.push(new Uint8Array(next.value))
    size += next.value.byteLength
  }
  return { pieces, hasEnded: false }
}

async function* chained(first: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let piece = first.shift(); piece !== undefined; piece = first.shift()) {
    yield piece
    freeRoom(piece.buffer)
  }
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}
