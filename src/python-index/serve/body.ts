/** Bytes as a response's body: a piece is read when it is asked for, and no more once nobody reads. */
export function streamOf(bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next()
        // A piece is ours only until the next one is asked for, and a socket may still hold it then.
        if (next.done !== true) controller.enqueue(new Uint8Array(next.value))
        else controller.close()
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
