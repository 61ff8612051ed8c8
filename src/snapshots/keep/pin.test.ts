import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { packedDesk, type SnapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { collect, snapshotKey } from '../../chunks/index.ts'
import { type Digest, isFault } from '../../kit/index.ts'
import { createSnapshot } from '../create/create.ts'
import { listSnapshots, pinnedSnapshots } from '../record/lines.ts'
import { restoreSnapshot } from '../restore/restore.ts'
import { traceNode } from '../trace.ts'
import { forgetSnapshots } from './forget.ts'
import { pinSnapshot } from './pin.ts'

const hour = 3_600_000
let desk: SnapshotDesk

const keys = async (prefix: string) => (await Array.fromAsync(desk.context.store.list(prefix))).map(({ key }) => key)
const ids = async () => (await listSnapshots(desk.context)).map(({ id }) => id)
const prune = async (grace: number) => {
  const { store, clock, random } = desk.context
  return await collect({ store, clock, random, grace, trace: traceNode })
}

describe('pinning a snapshot that was forgotten', () => {
  let [first, second]: Digest[] = []
  beforeEach(async () => {
    desk = await packedDesk()
    for (const content of ['first', 'second']) {
      writeFileSync(path.join(desk.tree, 'file'), content.repeat(1000))
      first = second
      second = (await createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder })).id
    }
    await forgetSnapshots(desk.context, { ids: [first!] })
  })
  afterEach(() => desk.remove())

  test('brings it back into its line, whole, and gives up its lease', async () => {
    const dry = await pinSnapshot(desk.context, first!.slice(7, 17), { dryRun: true })
    assert.deepEqual([dry.isBack, await ids()], [true, [second]])
    const { isBack, snapshot } = await pinSnapshot(desk.context, first!.slice(7, 17), { message: 'not that one' })
    assert.deepEqual([isBack, snapshot.id], [true, first])
    assert.deepEqual(await ids(), [first, second])
    assert.deepEqual([...(await pinnedSnapshots(desk.context))], [first])
    assert.deepEqual(await keys('leases/'), [])
    desk.ahead = 100 * hour
    await prune(hour)
    desk.ahead = 200 * hour
    await prune(hour)
    await restoreSnapshot(desk.context, { snapshot, path: '', target: path.join(desk.folder, 'back') })
  })

  test('is refused once a prune has condemned what it needs, and leaves nothing behind', async () => {
    desk.ahead = 2 * hour
    assert.ok((await prune(hour)).condemned.objects > 0)
    await assert.rejects(pinSnapshot(desk.context, first!), (error) => isFault(error, 'precondition'))
    assert.deepEqual(await keys('leases/'), [])
    assert.deepEqual(await keys('pins/'), [])
    assert.deepEqual(await ids(), [second])
  })

  test('takes its record off the list of a prune that has condemned nothing else of it', async () => {
    // The same content is reached through another line: only the record of the first is unneeded.
    writeFileSync(path.join(desk.tree, 'file'), 'first'.repeat(1000))
    await createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder, name: 'other', force: true })
    desk.ahead = 2 * hour
    await prune(hour)
    const { isBack } = await pinSnapshot(desk.context, first!)
    assert.equal(isBack, true)
    desk.ahead = 100 * hour
    await prune(hour)
    assert.ok((await keys('snapshots/')).includes(snapshotKey(first!)))
  })

  test('is not-found where no record has that id', async () => {
    for (const id of ['ffff', 'latest~9', 'no-name'])
      await assert.rejects(pinSnapshot(desk.context, id), (error) => isFault(error, 'not-found'), id)
  })
})
