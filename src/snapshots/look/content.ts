import type { ChunkStore } from '../../chunks/index.ts'
import { type Bytes, bytesFrom, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Content, Part } from '../tree/entry.ts'
import { partsOf } from '../tree/split.ts'
import { shownName } from '../tree/name.ts'
import type { Placed } from '../tree/walk.ts'

const zeros = new Uint8Array(1 << 20)

/** The bytes of a file of a snapshot, verified, holes as zeros. Throws `invalid` for what is no file. */
export function contentOf(chunks: ChunkStore, { path, entry }: Placed, options: Signal = {}): Bytes {
  if (!('content' in entry))
    throw new Fault('invalid', `${shownName(path) || 'the root'} is no file in this snapshot: it is a ${entry.kind}`)
  return bytesFrom(() => readContent(chunks, entry.content, options), entry.content.size)
}

async function* readContent(chunks: ChunkStore, content: Content, options: Signal): AsyncGenerator<Uint8Array> {
  for await (const parts of partsOf(chunks, content, options)) yield* readParts(chunks, parts, options)
}

async function* readParts(chunks: ChunkStore, parts: readonly Part[], options: Signal): AsyncGenerator<Uint8Array> {
  const found = chunks.readMany(idsOf(parts), options)[Symbol.asyncIterator]()
  try {
    for (const { id, length } of parts) {
      if (id === undefined) {
        for (let left = length; left > 0; left -= zeros.byteLength) yield left >= zeros.byteLength ? zeros : zeros.subarray(0, left)
        continue
      }
      const next = await found.next()
      if (next.done === true || next.value.bytes.byteLength !== length)
        throw new Fault('corrupt', `a chunk has not the ${length} bytes that it should have`, { at: id })
      yield next.value.bytes
    }
  } finally {
    await found.return?.()
  }
}

function* idsOf(parts: readonly Part[]) {
  for (const { id } of parts) if (id !== undefined) yield id
}
