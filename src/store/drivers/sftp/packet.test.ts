import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../../kit/index.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { createFraming } from './framing.ts'
import { cursorOf, encodePacket, packetKinds, readAttributes } from './packet.ts'

test('packets are cut out of a stream whatever the pieces it comes in', () => {
  const random = seededRandom(testSeed)
  const sent = Array.from({ length: 200 }, (_, number) => encodePacket('WRITE', number, ['x'.repeat(Math.floor(random() * 3000)), 7, 9n]))
  const stream = Buffer.concat(sent)
  const got: Buffer[] = []
  const take = createFraming((packet) => void got.push(packet))
  for (let at = 0; at < stream.byteLength;) {
    const size = 1 + Math.floor(random() * 2000)
    take(stream.subarray(at, at + size))
    at += size
  }
  assert.deepEqual(
    got,
    sent.map((packet) => packet.subarray(4)),
    `HOLDFAST_TEST_SEED=${testSeed}`,
  )
})

test('a packet holds what was put into it', () => {
  const cursor = cursorOf(encodePacket('OPEN', 5, ['näme', 3, 2n ** 40n, new Uint8Array([1, 2])]).subarray(4))
  assert.deepEqual([cursor.byte(), cursor.number()], [packetKinds.OPEN, 5])
  assert.equal(cursor.bytes().toString(), 'näme')
  assert.deepEqual([cursor.number(), cursor.long(), [...cursor.bytes()], cursor.left], [3, 2n ** 40n, [1, 2], 0])
  assert.throws(() => cursor.byte(), { code: 'corrupt' })
})

test('a length that no packet has is corrupt, and text instead of a packet is named as such', () => {
  const take = (head: Buffer) => createFraming(() => undefined)(head)
  assert.throws(() => take(Buffer.from([0, 0, 0, 0])), { code: 'corrupt' })
  assert.throws(() => take(Buffer.from([0xff, 0, 0, 0])), { code: 'corrupt' })
  assert.throws(
    () => take(Buffer.from('Welcome to')),
    (error) => isFault(error, 'corrupt') && /it sent text \("Welc"…\)/.test(error.message),
  )
})

test('attributes are read whichever of them a server gives', () => {
  const attributes = (...fields: (number | bigint | string)[]) =>
    readAttributes(cursorOf(encodePacket('ATTRS', undefined, fields).subarray(5)))
  assert.deepEqual(attributes(0), { kind: undefined, size: 0, modified: 0 })
  assert.deepEqual(attributes(1 | 2 | 4 | 8, 5n, 0, 0, 0o100644, 1, 2), { kind: 'file', size: 5, modified: 2 })
  assert.deepEqual(attributes(4, 0o644), { kind: undefined, size: 0, modified: 0 })
  assert.deepEqual(attributes(0x8000_0004, 0o120777, 1, 'name', 'data'), { kind: 'link', size: 0, modified: 0 })
  assert.deepEqual(attributes(4, 0o010644), { kind: 'other', size: 0, modified: 0 })
  assert.throws(() => attributes(0x8000_0000, 0xffff_ffff), { code: 'corrupt' })
  assert.throws(() => attributes(1, 2n ** 60n), { code: 'corrupt' })
})
