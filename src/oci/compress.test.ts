import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Fault, digestOf } from '../kit/index.ts'
import { fleetingPieces } from '../../test/fakes/fleeting-pieces.ts'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { compressLayer, type CompressedLayer, layerMap } from './compress.ts'

async function compressed(content: Uint8Array, step: number): Promise<{ bytes: Buffer; result: CompressedLayer }> {
  const { bytes, result } = compressLayer(fleetingPieces(content, step))
  const out: Buffer[] = []
  for await (const piece of bytes) out.push(Buffer.from(piece))
  return { bytes: Buffer.concat(out), result: result() }
}

/** As it is in layers: some of it repeats, some does not. */
function content(size: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 64) {
    if (random() < 0.5) createHash('sha512').update(`${random()}`).digest().copy(bytes, at)
    else bytes.copy(bytes, at, Math.floor(random() * at), Math.floor(random() * at) + 64)
  }
  return bytes
}

describe('a layer that is compressed', () => {
  it('has the same bytes for the same content, however its pieces are cut, and is gzip of it', async () => {
    const random = seededRandom(testSeed)
    for (const size of [0, 1, 1000, 1 << 20, (1 << 20) + 1, 3_300_000]) {
      const plain = content(size, random)
      const whole = await compressed(plain, 1 << 20)
      const what = `seed ${testSeed}, ${size} bytes`
      assert.ok(gunzipSync(whole.bytes).equals(plain), what)
      assert.deepEqual(whole.result, { diffId: digestOf(plain), digest: digestOf(whole.bytes), size: whole.bytes.byteLength }, what)
      for (const step of [997, 65_536, 3_000_001]) assert.equal((await compressed(plain, step)).result.digest, whole.result.digest, what)
    }
  })

  it('says nothing of time, name or machine in its header', async () => {
    assert.deepEqual([...(await compressed(Buffer.from('x'), 1)).bytes.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
  })

  it('is smaller', async () => {
    const { bytes } = await compressed(Buffer.alloc(3 << 20, 'the same again and again, '), 1 << 16)
    assert.ok(bytes.byteLength < 40_000, `${bytes.byteLength}`)
  })

  it('whose source fails throws that failure and has no digest', async () => {
    const { bytes, result } = compressLayer(
      (async function* () {
        yield Buffer.alloc(3 << 20)
        throw new Fault('unavailable', 'the line went dead')
      })(),
    )
    await assert.rejects(
      async () => {
        for await (const _ of bytes);
      },
      { code: 'unavailable' },
    )
    assert.throws(result, { code: 'bug' })
  })

  it('that nobody reads to its end lets go of the source', async () => {
    let isClosed = false
    const { bytes } = compressLayer(
      (async function* () {
        try {
          for (;;) yield Buffer.alloc(1 << 20)
        } finally {
          isClosed = true
        }
      })(),
    )
    for await (const piece of bytes) if (piece.byteLength > 10) break
    assert.ok(isClosed)
  })
})

describe('a map of layers', () => {
  const layer = { diffId: digestOf('plain'), digest: digestOf('packed'), size: 6 }

  it('knows again what was kept', () => {
    const map = layerMap()
    assert.equal(map.find(layer.diffId), undefined)
    map.add(layer)
    assert.deepEqual(layerMap(map.toJson()).find(layer.diffId), layer)
  })

  it('of another way to compress knows nothing', () => {
    const map = layerMap()
    map.add(layer)
    assert.equal(layerMap(JSON.stringify({ ...JSON.parse(map.toJson()), compression: 'another' })).find(layer.diffId), undefined)
  })

  it('keeps the newest ten thousand', () => {
    const map = layerMap()
    for (let at = 0; at <= 10_000; at++) map.add({ ...layer, diffId: digestOf(`${at}`) })
    assert.equal(map.find(digestOf('0')), undefined)
    assert.deepEqual(map.find(digestOf('1'))?.digest, layer.digest)
  })

  it('that is damaged is refused', () => {
    for (const text of ['', '{}', '{"compression":"x","layers":[{"diffId":"sha256:x","digest":"y","size":-1}]}']) {
      assert.throws(() => layerMap(text, 'the file'), { code: 'corrupt' })
    }
  })
})
