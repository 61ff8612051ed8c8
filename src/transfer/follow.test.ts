import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { digestOf, isFault } from '../kit/index.ts'
import { follow } from './follow.ts'

describe('a digest that follows', () => {
  it('is that of the whole, in whatever order the ranges are filled, and whatever is there before', async () => {
    const ranges = 6
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 7 }),
        fc.shuffledSubarray(
          Array.from({ length: ranges }, (_, index) => index),
          { minLength: ranges },
        ),
        fc.integer({ min: 0, max: ranges }),
        async (content, pieceBytes, order, before) => {
          const rangeBytes = Math.ceil(content.byteLength / ranges)
          const file = new Uint8Array(content.byteLength)
          const spanOf = (range: number) =>
            [Math.min(range * rangeBytes, file.length), Math.min((range + 1) * rangeBytes, file.length)] as const
          const finished = new Set(order.slice(0, before))
          for (const range of finished) file.set(content.subarray(...spanOf(range)), spanOf(range)[0])
          const read = async (position: number, into: Uint8Array) => {
            await Promise.resolve()
            const got = file.subarray(position, position + Math.min(into.byteLength, 5))
            into.set(got)
            return got.byteLength
          }
          const follower = follow({ size: file.length, rangeBytes, finished, read })
          const fill = async (range: number) => {
            const [start, end] = spanOf(range)
            for (let at = start; at < end; at += pieceBytes) {
              await Promise.resolve()
              const piece = content.subarray(at, Math.min(at + pieceBytes, end))
              file.set(piece, at)
              follower.wrote(at, piece)
            }
            await follower.catchUp()
          }
          await Promise.all(order.slice(before).map(fill))
          assert.equal(await follower.digest(), digestOf(content))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is refused while a part is missing, and where the file got shorter', async () => {
    const read = async () => 0
    const gap = follow({ size: 20, rangeBytes: 10, finished: new Set([1]), read })
    await assert.rejects(gap.digest(), (error) => isFault(error, 'bug'))
    const short = follow({ size: 10, rangeBytes: 10, finished: new Set([0]), read })
    await assert.rejects(short.digest(), (error) => isFault(error, 'unavailable'))
  })
})
