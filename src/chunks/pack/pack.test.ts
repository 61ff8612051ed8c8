import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { digestOf, isFault } from '../../kit/index.ts'
import { encodeIndex } from '../indexes/codec.ts'
import { compressBlock, decompressBlock, seemsCompressible } from './block.ts'
import { openBlock } from './open-block.ts'
import { checkHeader, checkTrailer, endBytes, nonceOf, packSizeOf, parseEnd, sealPack } from './pack.ts'
import { createPacker } from './packer.ts'
import { headerBytes, type PackContents, parseTrailer } from './trailer.ts'

function noise(length: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length }, () => random() * 256)
}

function packOf(chunks: readonly { readonly bytes: Uint8Array; readonly kind: 'chunk' | 'node' }[]): Buffer {
  const packer = createPacker(1)
  for (const { bytes, kind } of chunks) packer.add(hash('sha256', bytes, 'buffer'), kind, bytes)
  return Buffer.concat(sealPack([packer.take()!], nonceOf('writer', '0')).pieces)
}

/** Reads a pack as a reader that knows nothing but its bytes. */
function readPack(pack: Uint8Array): { contents: PackContents; chunks: Uint8Array[] } {
  checkHeader(pack.subarray(0, headerBytes), 'test')
  const { trailerBytes, digest } = parseEnd(pack.subarray(-endBytes), pack.length, 'test')
  const contents = checkTrailer(pack.subarray(-endBytes - trailerBytes, -endBytes), digest, pack.length, 'test')
  const chunks = contents.blocks.flatMap(({ method, offset, stored, plain, first, count }) => {
    const entries = contents.trailer.subarray(contents.chunksAt + first * 36, contents.chunksAt + (first + count) * 36)
    const opened = openBlock({ method, bytes: pack.subarray(offset, offset + stored) }, plain, entries, 'test')
    if (opened.bad.length > 0) throw new Error('a chunk does not match its id')
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
    let at = 0
    return Array.from({ length: count }, (_, index) =>
      opened.plain.subarray(at, (at += view.getUint32(index * 36 + 32, true) & 0x7fffffff)),
    )
  })
  return { contents, chunks }
}

describe('a pack', () => {
  it('gives back the chunks and nodes that were put into it, small ones in common blocks', () => {
    const random = seededRandom(testSeed)
    const chunks = Array.from({ length: 400 }, (_, index) => {
      const bytes = index % 3 === 0 ? noise(1 + random() * 4000, random) : new Uint8Array(1 + random() * 90_000).fill(index)
      return { bytes, kind: index % 5 === 0 ? ('node' as const) : ('chunk' as const) }
    })
    const { contents, chunks: found } = readPack(packOf(chunks))
    assert.equal(contents.chunkCount, 400)
    assert.ok(contents.blocks.length < 100)
    found.forEach((bytes, index) => assert.ok(Buffer.from(bytes).equals(chunks[index]!.bytes), `seed ${testSeed}, chunk ${index}`))
    const view = new DataView(contents.trailer.buffer, contents.trailer.byteOffset)
    const isNode = (index: number) => view.getUint32(contents.chunksAt + index * 36 + 32, true) >= 0x80000000
    assert.deepEqual([isNode(0), isNode(1), isNode(5)], [true, false, true])
  })

  it('of the same chunks has other bytes when another writer makes it', () => {
    const packer = createPacker(1)
    packer.add(hash('sha256', 'x', 'buffer'), 'chunk', Buffer.from('x'))
    const body = packer.take()!
    assert.notEqual(sealPack([body], nonceOf('one', '0')).id, sealPack([body], nonceOf('two', '0')).id)
    assert.notEqual(sealPack([body], nonceOf('one', '0')).id, sealPack([body], nonceOf('one', '1')).id)
  })

  it('is the vector of docs/formats.md', () => {
    const pack = packOf([
      { bytes: Buffer.from('a chunk'), kind: 'chunk' },
      { bytes: Buffer.from('a node'), kind: 'node' },
    ])
    assert.equal(
      pack.toString('hex'),
      [
        '68667061636b2f31ed65375b4a1fb9b1ac0103716b68ec52',
        '61206368756e6b61206e6f6465',
        '01000000000d0000000d00000002000000',
        'abbe7862de7660b333d1862141746d1d6d0e23c8cf49227bbd0d16add97bc71e07000000',
        '068486d0a3fc0fb1512d31e61af02d8224693399ed2405c21a3d3106a67025fd06000080',
        '59000000fff6e5513b793403e00c2f7caa357018abc242663ce957269c3b6e81dce5962868667061636b2f65',
      ].join(''),
    )
    assert.equal(digestOf(pack), 'sha256:67c29cf6e3fc06d0297ed068a85c2c2f3bbfe66369bdb0823e4165642655fee3')
    const index = encodeIndex({ packs: [{ id: digestOf(pack), contents: readPack(pack).contents }], gone: [] })
    assert.equal(digestOf(index), 'sha256:bb3aed29fc37ed9f926d34875243ab592fe6359108c029ab5cbbec20d52ba7d5')
  })

  it('that is cut off, or changed in any byte, is noticed, or gives the same chunks', () => {
    const random = seededRandom(testSeed)
    const chunks = Array.from({ length: 5 }, () => ({ bytes: noise(40, random), kind: 'chunk' as const }))
    const pack = packOf([...chunks, { bytes: new Uint8Array(5000), kind: 'chunk' }])
    const good = readPack(pack).chunks.map((bytes) => digestOf(bytes))
    for (let length = 0; length < pack.length; length++) assert.throws(() => readPack(pack.subarray(0, length)), `cut to ${length}`)
    let unnoticed = 0
    for (let at = 0; at < pack.length; at++) {
      const damaged = Buffer.from(pack)
      damaged[at]! ^= 1 << Math.floor(random() * 8)
      try {
        // The nonce, and bits of a zstd frame that mean nothing, are covered by the pack's name alone.
        assert.deepEqual(
          readPack(damaged).chunks.map((bytes) => digestOf(bytes)),
          good,
          `byte ${at} changed, seed ${testSeed}`,
        )
        unnoticed++
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
      }
    }
    assert.ok(unnoticed <= 16 + 8, `${unnoticed} changes were not noticed, seed ${testSeed}`)
  })
})

describe('a trailer', () => {
  it('of hostile bytes is corrupt, whatever they are, and costs no memory', () => {
    const random = seededRandom(testSeed)
    const good = readPack(
      packOf([
        { bytes: noise(100, random), kind: 'chunk' },
        { bytes: noise(50, random), kind: 'node' },
      ]),
    ).contents.trailer
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(good)
      for (let changes = 0; changes < 1 + random() * 3; changes++)
        bytes.writeUInt8(Math.floor(random() * 256), Math.floor(random() * Math.min(20, bytes.length)))
      const cut = bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length)
      try {
        const contents = parseTrailer(cut, 'test')
        assert.ok(contents.blocks.every(({ plain }) => plain <= 8 << 20))
        assert.ok(packSizeOf(contents) > 0)
      } catch (error) {
        assert.ok(isFault(error, 'corrupt'), `seed ${testSeed}, round ${round}: ${String(error)}`)
      }
    }
  })
})

describe('a block', () => {
  it('that does not shrink is stored as it is, and the next one is tried by a sample only', () => {
    const random = seededRandom(testSeed)
    const packed = noise(300_000, random)
    assert.equal(compressBlock(packed, 1).method, 'raw')
    assert.equal(seemsCompressible(packed), false)
    assert.equal(seemsCompressible(new Uint8Array(300_000)), true)
    const packer = createPacker(1)
    for (const bytes of [packed, packed, new Uint8Array(300_000)]) packer.add(hash('sha256', bytes, 'buffer'), 'chunk', bytes)
    assert.deepEqual(
      packer.take()!.blocks.map(({ method }) => method),
      ['raw', 'raw', 'zstd'],
    )
  })

  it('never becomes larger than it said it is', () => {
    const { method, bytes } = compressBlock(new Uint8Array(4 << 20), 1)
    assert.equal(method, 'zstd')
    assert.throws(
      () => decompressBlock({ method, bytes }, 1000, 'test'),
      (error) => isFault(error, 'corrupt'),
    )
    assert.throws(
      () => decompressBlock({ method, bytes }, (4 << 20) + 1, 'test'),
      (error) => isFault(error, 'corrupt'),
    )
    assert.throws(
      () => decompressBlock({ method, bytes }, 100 << 20, 'test'),
      (error) => isFault(error, 'corrupt'),
    )
    assert.equal(decompressBlock({ method, bytes }, 4 << 20, 'test').byteLength, 4 << 20)
  })
})
