import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scratchDirectory } from '../../../../test/fakes/scratch.ts'
import { bytesOf, digestOf, hasher, pieceSize } from '../../../kit/index.ts'
import { createFileStore } from './index.ts'

const scratch = scratchDirectory()

test('pieces in one buffer are the same bytes, for who is done with each before he asks for the next', async () => {
  const store = createFileStore({ root: scratch, durable: false })
  const content = Uint8Array.from({ length: 2 * pieceSize + 1234 }, (_, at) => (at * 7) % 251)
  await store.put('a', bytesOf(content))
  for (const range of [undefined, { start: 5 }, { start: pieceSize - 1, end: pieceSize + 1 }, { start: 100, end: 2 * pieceSize }]) {
    const state = hasher()
    const buffers = new Set<unknown>()
    for await (const piece of await store.get('a', { range, oneBuffer: true })) {
      state.update(piece)
      buffers.add(piece.buffer)
    }
    assert.equal(state.digest(), digestOf(content.subarray(range?.start ?? 0, range?.end)))
    assert.equal(buffers.size, 1)
  }
})
