import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { isFault, type Progress } from '../kit/index.ts'
import { beginSuite } from './index.ts'
import { withLock } from './lock.ts'
import { layoutOf } from './names.ts'

const scratch = scratchDirectory()

describe('a suite', () => {
  test('begins from the clean state, which is made first where there is none', async () => {
    const desk = environmentDesk(scratch)
    for (const _ of [1, 2]) {
      const suite = await beginSuite(desk.context())
      assert.equal(desk.read('a'), 'clean')
      assert.equal(suite.restored.snapshot, 'clean_state')
      desk.write('a', 'dirty')
      await suite.end()
      await suite.end()
    }
    assert.deepEqual(desk.names(), ['snapshot_created', 'snapshot_restored', 'snapshot_restored'])
  })

  test('has the environment for itself until it ends', async () => {
    const clock = manualClock()
    const desk = environmentDesk(scratch, { clock })
    const had = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    const begin = beginSuite(desk.context())
    await (await begin).end()
    const file = layoutOf(desk.snapshotsDir).suiteLock
    const other = withLock({ file, name: 'stage', onBusy: 'wait', clock }, async () => {
      had.resolve()
      await ended.promise
    })
    await had.promise
    await assert.rejects(beginSuite(desk.context({ onBusy: 'fail' })), (error) => {
      return isFault(error, 'busy') && error.message === 'no suite can begin on stage: another suite has it now'
    })
    const waits = Promise.withResolvers<string>()
    const report = (event: Progress) => {
      if (event.kind === 'note' && event.text.startsWith('waiting')) waits.resolve(event.text)
    }
    const next = beginSuite(desk.context({}, { report }))
    assert.equal(await waits.promise, 'waiting for another suite on the environment stage')
    assert.deepEqual(desk.names(), ['snapshot_created', 'snapshot_restored'], 'it has not begun')
    ended.resolve()
    await other
    await clock.advance(250)
    await (await next).end()
  })

  test('does not wait for itself', async () => {
    const desk = environmentDesk(scratch)
    const suite = await beginSuite(desk.context())
    await assert.rejects(beginSuite(desk.context()), (error) => isFault(error, 'busy') && error.hint?.includes('env clone') === true)
    await suite.end()
    await (await beginSuite(desk.context())).end()
  })

  test('that could not begin stands in nobody’s way', async () => {
    const desk = environmentDesk(scratch)
    await assert.rejects(beginSuite(desk.context(), { snapshot: 'other' }), (error) => isFault(error, 'not-found'))
    await assert.rejects(beginSuite(desk.context({ autoCreateOnStartup: false })), (error) => isFault(error, 'not-found'))
    await (await beginSuite(desk.context())).end()
  })
})
