import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { Fault } from '../../kit/index.ts'
import { fleetingPieces } from '../../../test/fakes/fleeting-pieces.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { formOf, inflate } from './inflate.ts'

const large = 1 << 30

async function inflated(bytes: Uint8Array, form: 'gzip' | 'zstd', step = 1 << 16, limit = large): Promise<Buffer> {
  const out: Buffer[] = []
  for await (const piece of inflate(fleetingPieces(bytes, step), form, limit)) out.push(Buffer.from(piece))
  return Buffer.concat(out)
}

const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from('skip')])
const squeeze = { gzip: (bytes: Uint8Array) => gzipSync(bytes), zstd: (bytes: Uint8Array) => zstdCompressSync(bytes) }

describe('inflating', () => {
  for (const form of ['gzip', 'zstd'] as const) {
    it(`${form} gives the same bytes, whatever the pieces and however many members`, async () => {
      const random = seededRandom(testSeed)
      for (let round = 0; round < 30; round++) {
        const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
          Buffer.alloc(Math.floor(random() * 300_000), `${random()}`),
        )
        const packed = Buffer.concat(
          parts.flatMap((part) => (form === 'zstd' && random() < 0.5 ? [skippable, squeeze[form](part)] : [squeeze[form](part)])),
        )
        const step = 1 + Math.floor(random() * 2 ** Math.floor(random() * 18))
        const got = await inflated(packed, form, step)
        assert.ok(got.equals(Buffer.concat(parts)), `seed ${testSeed}, round ${round}, step ${step}`)
      }
    })

    it(`${form} that ends early or is damaged is corrupt`, async () => {
      const bytes = squeeze[form](Buffer.from('some content that is long enough'.repeat(10)))
      for (let end = 0; end < bytes.byteLength; end++)
        await assert.rejects(inflated(bytes.subarray(0, end), form, 7), { code: 'corrupt' }, `${end}`)
      await assert.rejects(inflated(Buffer.concat([bytes, Buffer.from('and something else')]), form), { code: 'corrupt' })
    })

    it(`${form} that inflates past the limit is stopped there`, async () => {
      const bomb = squeeze[form](Buffer.alloc(64 << 20))
      await assert.rejects(inflated(bomb, form, 1 << 16, 1 << 20), { code: 'corrupt', message: /limit of 1048576 bytes/ })
    })

    it(`${form} whose source fails throws that failure`, async () => {
      async function* failing() {
        yield squeeze[form](Buffer.alloc(100_000)).subarray(0, 20)
        throw new Fault('unavailable', 'the line went dead')
      }
      await assert.rejects(
        async () => {
          for await (const _ of inflate(failing(), form, large));
        },
        { code: 'unavailable' },
      )
    })

    it(`${form} that nobody reads to its end lets go of the source`, async () => {
      let isClosed = false
      async function* source() {
        try {
          for (;;) yield squeeze[form](Buffer.alloc(1000))
        } finally {
          isClosed = true
        }
      }
      for await (const _ of inflate(source(), form, large)) break
      assert.ok(isClosed)
    })
  }

  it('gzip may be padded with zeros', async () => {
    assert.equal((await inflated(Buffer.concat([gzipSync('x'), Buffer.alloc(600)]), 'gzip')).toString(), 'x')
  })

  it('knows forms by their first bytes', () => {
    assert.equal(formOf(gzipSync('')), 'gzip')
    assert.equal(formOf(zstdCompressSync('')), 'zstd')
    assert.equal(formOf(skippable), 'zstd')
    assert.equal(formOf(Buffer.from('\xfd7zXZ\0', 'latin1')), 'xz')
    assert.equal(formOf(Buffer.from('BZh9')), 'bzip2')
    assert.equal(formOf(Buffer.from('BZ')), 'plain')
    assert.equal(formOf(new Uint8Array()), 'plain')
  })
})
