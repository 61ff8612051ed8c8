import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInflateRaw, deflateRawSync } from 'node:zlib'
import { fleetingPieces } from '../../test/fakes/fleeting-pieces.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { collect } from './bytes.ts'
import { decode } from './decode.ts'

const random = seededRandom(11)
const plain = Buffer.from(Uint8Array.from({ length: 300_000 }, () => Math.floor(random() * 16)))
const packed = deflateRawSync(plain)

async function decoded(bytes: Uint8Array, { size = 1000, chunkSize = 64 << 10, after = async () => {} } = {}): Promise<Buffer> {
  const source = fleetingPieces(bytes, size)
  const first = await source.next()
  const pieces: Buffer[] = []
  for await (const piece of decode(createInflateRaw({ chunkSize }), source, first.value!)) {
    pieces.push(Buffer.from(piece))
    await after()
  }
  return Buffer.concat(pieces)
}

test('what is decoded is the same however the pieces are cut, and however large the rooms are', async () => {
  for (const size of [101, 777, 100_000])
    for (const chunkSize of [1000, 16 << 10, 128 << 10, 1 << 20]) {
      assert.ok((await decoded(packed, { size, chunkSize })).equals(plain), `pieces of ${size}, rooms of ${chunkSize}`)
    }
})

test('a reader that is slow gets the same', async () => {
  const after = async () => await new Promise<void>((resolve) => setImmediate(resolve))
  assert.ok((await decoded(packed, { chunkSize: 16 << 10, after })).equals(plain))
})

test('the memory of a piece is given back when the next one is asked for', async () => {
  const source = fleetingPieces(packed, 1000)
  const first = await source.next()
  const pieces: Uint8Array[] = []
  for await (const piece of decode(createInflateRaw({ chunkSize: 128 << 10 }), source, first.value!)) pieces.push(piece)
  // The last room was not filled.
  const kept = pieces.findIndex(({ byteLength }) => byteLength > 0)
  assert.ok(kept > pieces.length / 2, `${kept} of ${pieces.length}`)
  assert.ok(pieces.slice(kept).every(({ byteLength }) => byteLength > 0))
})

test('what stands behind the end is given back, whether its reader has come to the end or not', async () => {
  for (const size of [1 << 20, 50_000]) {
    const source = fleetingPieces(Buffer.concat([packed, Buffer.from('behind')]), size)
    const first = await source.next()
    let rest: Uint8Array | undefined
    const pieces = async function* () {
      rest = yield* decode(createInflateRaw(), source, first.value!)
    }
    assert.ok(Buffer.from(await collect(pieces(), 1 << 20)).equals(plain))
    assert.equal(Buffer.from(rest!).toString(), 'behind')
  }
})
