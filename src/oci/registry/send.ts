import type { Signal } from '../../store/index.ts'
import type { Upload } from './registry.ts'

/**
 * Sends content into an upload in chunks of the size that it wants: the next chunk is gathered while one is on its way. Does not finish it.
 * Resolves to the number of bytes that were sent. Memory: two chunks.
 */
export async function sendStream(upload: Upload, content: AsyncIterable<Uint8Array>, o?: Signal): Promise<number> {
  const start = upload.offset
  await gatherAndSend(content, upload.chunkBytes, (chunk) => upload.write(chunk, o))
  return upload.offset - start
}

/**
 * Chunks of one size but the last, one after another; each is `send`'s until that has resolved. What `send` or the content throws ends it. A piece of
 * the content is copied before the next one is asked for.
 */
export async function gatherAndSend(
  content: AsyncIterable<Uint8Array>,
  size: number,
  send: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  let [filling, waiting] = [new Uint8Array(size), new Uint8Array(size)]
  let filled = 0
  let sending = Promise.resolve()
  const begin = async (chunk: Uint8Array) => {
    await sending
    sending = send(chunk)
    // Waited for with the next chunk, or at the end.
    sending.catch(() => undefined)
  }
  try {
    for await (const piece of content) {
      for (let at = 0; at < piece.byteLength;) {
        const part = piece.subarray(at, at + size - filled)
        filling.set(part, filled)
        filled += part.byteLength
        at += part.byteLength
        if (filled < size) continue
        await begin(filling)
        ;[filling, waiting] = [waiting, filling]
        filled = 0
      }
    }
    if (filled > 0) await begin(filling.subarray(0, filled))
    await sending
  } finally {
    await sending.catch(() => undefined)
  }
  // Their memory is the collector's to free: a server that answers before it has read a chunk leaves a part of it with the socket.
}
