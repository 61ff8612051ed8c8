import type { Bytes, Report } from '../kit/index.ts'

/** The same bytes, reported as they go by. What a retry reads again is not counted again. */
export function reported(bytes: Bytes, report: Report, task: string): Bytes {
  let counted = 0
  return {
    length: bytes.length,
    rewindable: bytes.rewindable,
    async *[Symbol.asyncIterator]() {
      let position = 0
      for await (const piece of bytes) {
        yield piece
        position += piece.byteLength
        if (position <= counted) continue
        report({ kind: 'advance', task, bytes: position - counted })
        counted = position
      }
    },
  }
}
