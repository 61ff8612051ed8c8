import { createGunzip, createZstdDecompress } from 'node:zlib'
import { decode, errno, Fault, pieceSize } from '../../kit/index.ts'
import type { LayerForm } from '../model/media-types.ts'
import { zstdFrames } from './zstd-frames.ts'

/** What the first bytes say: `xz` and `bzip2` are known to be named, and not read. */
export function formOf(head: Uint8Array): LayerForm | 'xz' | 'bzip2' {
  const starts = (...bytes: number[]) => bytes.every((byte, at) => head[at] === byte)
  if (starts(0x1f, 0x8b)) return 'gzip'
  // A frame, or a frame to be skipped, with which files of `zstd:chunked` and pzstd may begin: RFC 8878, 3.1.2.
  if (starts(0x28, 0xb5, 0x2f, 0xfd) || (head[0]! >> 4 === 5 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18)) return 'zstd'
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz'
  return starts(0x42, 0x5a, 0x68) ? 'bzip2' : 'plain'
}

/**
 * The bytes without their compression, with every member or frame that follows the first. Throws `corrupt` where they are damaged or end
 * early, and past `limit` bytes.
 */
export async function* inflate(pieces: AsyncIterable<Uint8Array>, form: LayerForm, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const piece of form === 'plain' ? pieces : inflateAll(pieces, form)) {
    size += piece.byteLength
    if (size > limit) throw new Fault('corrupt', `it inflates to more than its limit of ${limit} bytes`)
    yield piece
  }
}

async function* inflateAll(pieces: AsyncIterable<Uint8Array>, form: 'gzip' | 'zstd'): AsyncGenerator<Uint8Array> {
  const source = (form === 'gzip' ? pieces : zstdFrames(pieces))[Symbol.asyncIterator]()
  try {
    const first = await source.next()
    if (first.done === true) throw new Fault('corrupt', `not ${form}: it is empty`)
    const rest = yield* inflateOne(source, first.value, form)
    checkPadding(rest)
    for (let next = await source.next(); next.done !== true; next = await source.next()) checkPadding(next.value)
  } finally {
    await source.return?.()
  }
}

/** gzip's own program takes zeros at the end for the padding of a tape. */
function checkPadding(bytes: Uint8Array): void {
  if (bytes.some((byte) => byte !== 0)) throw new Fault('corrupt', 'something that is not compressed follows what is')
}

/** Until Node's stream ends, which it does at the last member; gives back what it did not take. */
async function* inflateOne(
  source: AsyncIterator<Uint8Array>,
  first: Uint8Array,
  form: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array, Uint8Array> {
  try {
    const decoder = form === 'gzip' ? createGunzip({ chunkSize: pieceSize }) : createZstdDecompress({ chunkSize: pieceSize })
    return yield* decode(decoder, source, first)
  } catch (error) {
    throw damaged(error, form)
  }
}

function damaged(error: unknown, form: string): unknown {
  const code = errno(error)
  if (code === 'Z_BUF_ERROR' || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new Fault('corrupt', `the ${form} data ends early`, { cause: error })
  if (code?.startsWith('Z_') === true || code?.startsWith('ZSTD_') === true)
    return new Fault('corrupt', `the ${form} data is damaged`, { cause: error })
  return error
}
