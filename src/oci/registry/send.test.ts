import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { fleetingPieces } from '../../../test/fakes/fleeting-pieces.ts'
import { Fault } from '../../kit/index.ts'
import { gatherAndSend } from './send.ts'

const pieces = (text: string, size: number) => fleetingPieces(Buffer.from(text), size)

async function sentOf(text: string, pieceSize: number, chunkSize: number): Promise<string[]> {
  const sent: string[] = []
  await gatherAndSend(pieces(text, pieceSize), chunkSize, async (chunk) => {
    // Whatever is gathered meanwhile does not touch it.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    sent.push(Buffer.from(chunk).toString())
  })
  return sent
}

test('content goes in order, in chunks of one size but the last, however its pieces are cut', async () => {
  for (const size of [1, 2, 4, 5, 100]) assert.deepEqual(await sentOf('abcdefghij', size, 4), ['abcd', 'efgh', 'ij'], `pieces of ${size}`)
  assert.deepEqual(await sentOf('abcdefgh', 3, 4), ['abcd', 'efgh'])
  assert.deepEqual(await sentOf('', 3, 4), [])
})

test('the next chunk is gathered while one is on its way, and no third', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let given = 0
  const content = (async function* () {
    for (const piece of ['aa', 'bb', 'cc', 'dd']) {
      given += 1
      if (given === 2) setImmediate(resolve)
      yield Buffer.from(piece)
    }
  })()
  const givenBefore: number[] = []
  await gatherAndSend(content, 2, async () => {
    await promise
    givenBefore.push(given)
  })
  assert.equal(givenBefore[0], 2)
  for (const [at, before] of givenBefore.entries()) assert.ok(before <= at + 2)
})

test('chunks stay what they are after the end, since a socket may have them longer than who sends says', async () => {
  const sent: Uint8Array[] = []
  await gatherAndSend(pieces('abcdefghij', 3), 100_000, async (chunk) => void sent.push(chunk))
  assert.deepEqual(
    sent.map((chunk) => Buffer.from(chunk).toString()),
    ['abcdefghij'],
  )
})

test('what cannot be sent ends it, and a source that fails waits for what is on its way', async () => {
  const failing = gatherAndSend(pieces('abcdefghij', 1), 4, () => Promise.reject(new Fault('unavailable', 'gone')))
  await faultOf(failing, 'unavailable', /gone/)
  let isSent = false
  const content = (async function* () {
    yield Buffer.from('abcd')
    throw new Fault('corrupt', 'broken')
  })()
  const broken = gatherAndSend(content, 4, async () => {
    await new Promise((resolve) => void setImmediate(resolve))
    isSent = true
  })
  await faultOf(broken, 'corrupt', /broken/)
  assert.ok(isSent)
})
