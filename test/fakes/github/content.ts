import { createReadStream, statSync } from 'node:fs'
import { bytesOf } from '../../../src/kit/index.ts'
import type { Content } from './scene.ts'

/** How many bytes it has; undefined where only reading would tell. */
export function sizeOf(content: Content): number | undefined {
  if (typeof content === 'string') return Buffer.byteLength(content)
  if (content instanceof Uint8Array) return content.byteLength
  return 'file' in content ? statSync(content.file).size : undefined
}

/** Its bytes, or some of them; a file's come from the disk as they are asked for. */
export function piecesOf(content: Content, start = 0, end = sizeOf(content) ?? Infinity): AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return bytesOf(Buffer.from(content).subarray(start, end))
  if (content instanceof Uint8Array) return bytesOf(content.subarray(start, end))
  if ('pieces' in content) return content.pieces()
  // Cheaper than pieces of our own: benchmarks run beside it.
  return start === end ? bytesOf('') : createReadStream(content.file, { start, end: end - 1, highWaterMark: 1 << 18 })
}
