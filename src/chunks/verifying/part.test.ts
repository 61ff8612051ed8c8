import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { type Digest, digestOf } from '../../kit/index.ts'
import { chooseData, isInPart } from './part.ts'

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `sha256:${Buffer.from(bytes).toString('hex')}` as Digest)
const edges: readonly Digest[] = [
  `sha256:${'0'.repeat(64)}`,
  `sha256:${'f'.repeat(64)}`,
  `sha256:8${'0'.repeat(63)}`,
  `sha256:7${'f'.repeat(63)}`,
]

test('every digest is in exactly one part, however many there are', () => {
  const property = fc.property(fc.oneof(digests, fc.constantFrom(...edges)), fc.integer({ min: 1, max: 1000 }), (digest, of) => {
    const parts = Array.from({ length: of }, (_part, at) => ({ number: at + 1, of })).filter((part) => isInPart(digest, part))
    assert.equal(parts.length, 1)
  })
  fc.assert(property, { seed: testSeed })
})

test('what has no digest is looked at in the first part alone', () => {
  const parts = [1, 2, 3].map((number) => chooseData({ number, of: 3 }, () => 0))
  assert.deepEqual(
    parts.map(({ includes }) => includes(undefined)),
    [true, false, false],
  )
})

test('parts are about as large as one another', () => {
  const all = Array.from({ length: 16_000 }, (_digest, at) => digestOf(String(at)))
  for (let number = 1; number <= 16; number++) {
    const size = all.filter((digest) => isInPart(digest, { number, of: 16 })).length
    assert.ok(size > 800 && size < 1200, `${number}: ${size}`)
  }
})

test('a share is chosen by chance, and looks at everything', () => {
  const numbers = [0.2, 0.4, 0.6]
  const { includes, reads } = chooseData(0.5, () => numbers.shift()!)
  assert.deepEqual([includes(digestOf('a')), includes(undefined)], [true, true])
  assert.deepEqual([reads(digestOf('a')), reads(digestOf('a')), reads(digestOf('a'))], [true, true, false])
})
