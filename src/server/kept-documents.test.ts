import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { keepDocuments } from './kept-documents.ts'

describe('documents that are kept', () => {
  it('are made once for all who ask at the same time, however long that takes, and anew when they are no longer fresh', async () => {
    const clock = manualClock()
    const kept = keepDocuments(clock)
    const made = Promise.withResolvers<string>()
    let count = 0
    const make = () => {
      count++
      return made.promise
    }
    const first = kept.give('walk', 1_000, make)
    await clock.advance(20_000)
    const second = kept.give('walk', 1_000, make)
    made.resolve('far')
    assert.equal((await first).etag, (await second).etag)
    assert.equal(count, 1)
    await kept.give('walk', 1_000, make)
    assert.equal(count, 2)
    await kept.give('walk', 1_000, make)
    assert.equal(count, 2)
  })

  it('are not kept where they fail', async () => {
    const kept = keepDocuments(manualClock())
    await assert.rejects(kept.give('x', 1_000, () => Promise.reject(new Error('gone'))))
    assert.ok(await kept.give('x', 1_000, async () => 'there'))
  })

  it('take so much room together, whatever is asked for, and what was made first goes first', async () => {
    const kept = keepDocuments(manualClock())
    const made: number[] = []
    const give = async (at: number) =>
      await kept.give(String(at), 60_000, async () => {
        made.push(at)
        return [at, 'x'.repeat(4 << 20)]
      })
    for (let at = 0; at < 20; at++) await give(at)
    made.length = 0
    for (const at of [19, 18, 17, 0]) await give(at)
    assert.deepEqual(made, [0])
  })
})
