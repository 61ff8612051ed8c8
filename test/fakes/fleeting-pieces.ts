/**
 * Bytes in pieces that are gone when the next one is asked for, or the end: `Bytes` allows no more, and what keeps one too long has nothing in its hand.
 * Not where the reader leaves early, since threads may look at the last one then.
 */
export async function* fleetingPieces(bytes: Uint8Array, size: number | (() => number)): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength;) {
    const piece = new Uint8Array(bytes.subarray(at, at + (typeof size === 'number' ? size : size())))
    at += piece.byteLength
    yield piece
    piece.buffer.transfer(0)
  }
}
