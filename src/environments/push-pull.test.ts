import assert from 'node:assert/strict'
import { chmodSync, existsSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { snapshotDesk } from '../../test/fakes/snapshot-desk.ts'
import { Fault } from '../kit/index.ts'
import { createSnapshot, diffSnapshots, pullSnapshot, pushSnapshot, restoreSnapshot } from './index.ts'

const scratch = scratchDirectory()

describe('a snapshot in a store', () => {
  test('is brought to another machine as it was', async () => {
    const { context: store } = snapshotDesk()
    const here = environmentDesk(scratch)
    chmodSync(path.join(here.live, 'a'), 0o640)
    await createSnapshot(here.context())
    const { line, isUnchanged } = await pushSnapshot(here.context(), store)
    assert.deepEqual([line, isUnchanged], ['env/stage/clean_state', false])
    assert.equal((await pushSnapshot(here.context(), store)).isUnchanged, true)
    const there = environmentDesk(scratch)
    there.write('b', 'only there')
    const record = await pullSnapshot(there.context(), store)
    assert.deepEqual([record.name, record.entries], ['clean_state', 1])
    await restoreSnapshot(there.context())
    assert.deepEqual((await diffSnapshots(there.context(), { from: 'clean_state', checksum: true })).differences, [])
    assert.equal(there.read('a'), 'clean')
    await assert.rejects(pullSnapshot(there.context(), store), { code: 'already-exists' })
    await pullSnapshot(there.context(), store, { replace: true })
  })

  test('that cannot be brought leaves the one that it would replace', async () => {
    const { context: store } = snapshotDesk()
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    await pushSnapshot(context, store)
    desk.write('a', 'newer')
    await createSnapshot(context, { replace: true })
    let asked = 0
    const chunks = async () => {
      if (asked++ === 0) throw new Fault('unavailable', 'the network is down')
      return await store.chunks()
    }
    await assert.rejects(pullSnapshot(context, { ...store, chunks }, { replace: true }), { code: 'unavailable' })
    assert.equal(asked, 1)
    desk.write('a', 'dirty')
    await restoreSnapshot(context)
    assert.equal(desk.read('a'), 'newer')
  })

  test('that is not there is not found', async () => {
    const { context: store } = snapshotDesk()
    const desk = environmentDesk(scratch)
    await assert.rejects(pullSnapshot(desk.context(), store), { code: 'not-found', hint: /holdfast env push stage/ })
    await assert.rejects(pushSnapshot(desk.context(), store), { code: 'not-found' })
    assert.equal(existsSync(desk.snapshotsDir), false)
    await createSnapshot(desk.context())
    await pushSnapshot(desk.context({}, { name: 'other' }), store)
    await assert.rejects(pullSnapshot(desk.context(), store), { hint: 'it has only those of other environments: other/clean_state' })
    await pushSnapshot(desk.context(), store)
    await assert.rejects(pullSnapshot(desk.context(), store, { snapshot: 'users' }), { code: 'not-found', hint: 'there are: clean_state' })
  })
})
