import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, test } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { asFault } from '../kit/index.ts'
import { type LockOptions, withLock } from './lock.ts'

const scratch = scratchDirectory()
let count = 0

function bench(options: Partial<LockOptions> = {}) {
  const clock = manualClock()
  const lock: LockOptions = { file: path.join(scratch, `lock-${count++}`), name: 'stage', onBusy: 'wait', clock, ...options }
  const gate = Promise.withResolvers<void>()
  const held = withLock(lock, () => gate.promise)
  return { clock, lock, held, free: gate.resolve }
}

describe('the lock of an environment', () => {
  test('is had by one at a time: the second waits until the first has ended', async () => {
    let waits = 0
    const { clock, lock, held, free } = bench()
    let isDone = false
    const second = withLock({ ...lock, onWait: () => waits++ }, async () => (isDone = true))
    await clock.advance(10_000)
    assert.deepEqual([isDone, waits], [false, 1])
    free()
    await held
    await clock.advance(250)
    await second
    assert.deepEqual([isDone, waits], [true, 1])
  })

  test('is busy at once where that is configured, and after the limit where there is one', async () => {
    const { clock, lock, held, free } = bench()
    assert.equal(await withLock({ ...lock, onBusy: 'fail' }, async () => 'had').catch((error: unknown) => asFault(error).code), 'busy')
    const limited = withLock({ ...lock, limit: 1000 }, async () => 'had').catch((error: unknown) => asFault(error).message)
    await clock.advance(1000)
    assert.equal(await limited, 'another command is working on the environment stage, after 1000 ms of waiting')
    free()
    await held
  })

  test('is given back where the work fails, and not waited for by what was stopped', async () => {
    const { clock, lock, held, free } = bench()
    const stop = new AbortController()
    const stopped = withLock({ ...lock, signal: stop.signal }, async () => 'had').catch((error: unknown) => asFault(error).code)
    await clock.advance(1)
    stop.abort()
    assert.equal(await stopped, 'aborted')
    free()
    await held
    await assert.rejects(withLock(lock, () => Promise.reject(new Error('failed'))))
    assert.equal(await withLock({ ...lock, onBusy: 'fail' }, async () => 'had'), 'had')
  })
})
