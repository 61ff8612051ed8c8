import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { digestOf, isFault } from '../../kit/index.ts'
import { fromFrame, toFrame } from './frame.ts'
import { compressBlock, decodeIndex, encodeIndex, openBlock, type PackBlock, type PackEntry } from './pack.ts'

const blocks: PackBlock[] = [
  { method: 'zstd', offset: 0, stored: 50, plain: 1000 },
  { method: 'raw', offset: 50, stored: 20, plain: 20 },
]
const entries: PackEntry[] = [
  { revision: 1, digest: digestOf('whole'), from: 0, base: undefined, length: 1000, block: 0, offset: 0 },
  { revision: 2, digest: digestOf('tail'), from: 2 ** 40, base: digestOf('before'), length: 5, block: 1, offset: 15 },
  { revision: 2, digest: digestOf(''), from: 0, base: undefined, length: 0, block: 1, offset: 20 },
]

describe('the index of a pack', () => {
  test('comes back as it was', () => {
    const index = decodeIndex(encodeIndex(blocks, entries), 70, 'here')
    assert.deepEqual(index.blocks, blocks)
    assert.deepEqual([...index.entries()], entries)
    assert.deepEqual(decodeIndex(encodeIndex([], []), 0, 'here').count, 0)
  })

  test('with a block outside of the pack, or an entry outside of its block, is refused', () => {
    const wrongBlocks: Partial<PackBlock>[] = [{ offset: 21 }, { stored: 71 }, { plain: 49 }, { plain: 9 << 20 }, { method: 'raw' }]
    for (const change of wrongBlocks) {
      assert.throws(() => [...decodeIndex(encodeIndex([{ ...blocks[0]!, ...change }], []), 70, 'here').entries()], { code: 'corrupt' })
    }
    for (const change of [{ block: 2 }, { offset: 1 }, { length: 1001 }, { from: 1, length: 0 }]) {
      const index = decodeIndex(encodeIndex(blocks, [{ ...entries[0]!, ...change }]), 70, 'here')
      assert.throws(() => index.entry(0), { code: 'corrupt' })
    }
  })

  test('with any byte changed is read or refused as corrupt', () => {
    const plain = fromFrame(encodeIndex(blocks, entries), 10_000, 'it', 'here')
    fc.assert(
      fc.property(fc.nat(plain.byteLength - 1), fc.nat(255), fc.nat(plain.byteLength), (where, byte, end) => {
        const changed = Buffer.from(plain)
        changed[where] = byte
        for (const bytes of [toFrame(changed), toFrame(plain.subarray(0, end)), plain]) {
          try {
            Array.from(decodeIndex(bytes, 70, 'here').entries())
          } catch (error) {
            assert.ok(isFault(error, 'corrupt'), String(error))
          }
        }
      }),
    )
  })
})

describe('a block of a pack', () => {
  test('comes back as it was, whether or not it shrinks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (piece, times) => {
        const plain = Buffer.concat(Array.from({ length: times }, () => piece))
        const { method, bytes } = compressBlock(plain)
        const block: PackBlock = { method, offset: 0, stored: bytes.byteLength, plain: plain.byteLength }
        assert.deepEqual(Buffer.from(openBlock(bytes, block, 'here')), plain)
      }),
    )
  })

  test('that holds more or less than it says is refused', () => {
    const stored = toFrame(Buffer.alloc(1000))
    for (const plain of [999, 1001]) {
      const block: PackBlock = { method: 'zstd', offset: 0, stored: stored.byteLength, plain }
      assert.throws(() => openBlock(stored, block, 'here'), { code: 'corrupt' })
    }
    assert.throws(() => openBlock(stored, { method: 'zstd', offset: 0, stored: 3, plain: 1000 }, 'here'), { code: 'corrupt' })
  })
})
