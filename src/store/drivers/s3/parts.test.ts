import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { digestOf } from '../../../kit/index.ts'
import { claimOf, infoOf } from './info.ts'
import { cutParts, partSizeFor, partSizes } from './parts.ts'
import { MiB } from './settings.ts'

test('parts are of the size asked for, and larger only where 10,000 would not do', () => {
  assert.equal(partSizeFor(0, 8 * MiB), 8 * MiB)
  assert.equal(partSizeFor(80_000 * MiB, 8 * MiB), 8 * MiB)
  assert.equal(partSizeFor(80_000 * MiB + 1, 8 * MiB), 9 * MiB)
  const fiveTiB = 5 * 1024 * 1024 * MiB
  assert.ok(fiveTiB / partSizeFor(fiveTiB, 8 * MiB) <= 10_000)
})

test('10,000 parts of a body of unknown length hold the largest object there is', () => {
  const sizeOf = partSizes(undefined, 8 * MiB)
  let total = 0
  for (let number = 1; number <= 10_000; number++) total += sizeOf(number)
  assert.ok(total >= 5 * 1024 * 1024 * MiB)
  assert.deepEqual([sizeOf(1), sizeOf(1000), sizeOf(1001)], [8 * MiB, 8 * MiB, 16 * MiB])
})

test(`cutting loses nothing, whatever the pieces, and only the last part is short (seed ${testSeed})`, async () => {
  const random = seededRandom(testSeed)
  for (let round = 0; round < 300; round++) {
    const size = 1 + Math.floor(random() * 10)
    const content = Uint8Array.from({ length: Math.floor(random() * 60) }, (_, at) => at)
    async function* pieces() {
      for (let at = 0; at < content.length;) {
        const end = at + Math.floor(random() * 25)
        yield content.subarray(at, end)
        at = end
      }
    }
    const parts = await Array.fromAsync(cutParts(pieces(), () => size))
    assert.deepEqual(Buffer.concat(parts.map(({ bytes }) => bytes)), Buffer.from(content))
    assert.deepEqual(
      parts.map(({ number, last }) => [number, last]),
      parts.map((_, index) => [index + 1, index === parts.length - 1]),
    )
    assert.ok(parts.slice(0, -1).every(({ bytes }) => bytes.byteLength === size))
    assert.ok(content.length === 0 || parts.at(-1)!.bytes.byteLength > 0)
  }
})

test('a source that fails gives no last part', async () => {
  async function* failing() {
    yield Uint8Array.of(1, 2, 3)
    throw new Error('planned')
  }
  const seen: boolean[] = []
  const reading = (async () => {
    for await (const { last } of cutParts(failing(), () => 2)) seen.push(last)
  })()
  await assert.rejects(reading, /planned/)
  assert.deepEqual(seen, [false])
})

const digest = digestOf('content')
const checksum = Buffer.from(digest.slice(7), 'hex').toString('base64')

test('the checksum of the whole object is its digest; one of parts, or none that is one, is not', () => {
  const told = (said: Parameters<typeof infoOf>[2]) => infoOf('key', 7, said).digest
  assert.equal(told({ ChecksumSHA256: checksum }), digest)
  assert.equal(told({ ChecksumSHA256: checksum, ChecksumType: 'FULL_OBJECT' }), digest)
  assert.equal(told({ ChecksumSHA256: checksum, ChecksumType: 'COMPOSITE' }), undefined)
  assert.equal(told({ ChecksumSHA256: `${checksum}-3` }), undefined)
  assert.equal(told({ ChecksumSHA256: 'AAAA' }), undefined)
  assert.equal(told({ ChecksumSHA256: checksum, ETag: '"9b2cf535f27731c974343645a3985328"' }), digest)
  assert.equal(told({ ChecksumSHA256: checksum, ETag: '"9b2cf535f27731c974343645a3985328-3"' }), undefined)
  assert.equal(told({ ChecksumSHA256: checksum, ETag: '"9b2cf535f27731c974343645a3985328-3"', ChecksumType: 'FULL_OBJECT' }), digest)
})

test('a digest that was written down counts only beside the size that the object has, and after what the server checked', () => {
  const claim = claimOf(digest, 7)
  assert.equal(infoOf('key', 7, { Metadata: claim }).digest, digest)
  assert.equal(infoOf('key', 8, { Metadata: claim }).digest, undefined)
  assert.equal(infoOf('key', 7, { Metadata: claimOf(digestOf('other'), 7), ChecksumSHA256: checksum }).digest, digest)
  assert.equal(infoOf('key', 7, { Metadata: { 'holdfast-sha256': 'nonsense 7' } }).digest, undefined)
  assert.equal(claimOf(digest, undefined), undefined)
})

test('the SHA-256 that the tools of Python indexes write down is taken where nothing better is known', () => {
  const hex = digest.slice(7)
  const told = (said: Parameters<typeof infoOf>[2]) => infoOf('key', 7, said).digest
  assert.equal(told({ Metadata: { 'checksum-sha256': hex } }), digest)
  assert.equal(told({ Metadata: { 'checksum-sha256': hex.toUpperCase() } }), digest)
  assert.equal(told({ Metadata: { 'checksum-sha256': `${hex}00` } }), undefined)
  assert.equal(told({ Metadata: { 'checksum-sha256': checksum } }), undefined)
  const other = digestOf('other').slice(7)
  assert.equal(told({ Metadata: { 'checksum-sha256': other, ...claimOf(digest, 7) } }), digest)
  assert.equal(told({ Metadata: { 'checksum-sha256': other }, ChecksumSHA256: checksum }), digest)
  assert.equal(told({ Metadata: { 'checksum-sha256': hex, ...claimOf(digestOf('other'), 8) } }), digest)
})
