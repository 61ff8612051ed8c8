import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { copyingMode } from '../../test/fakes/copying-mode.ts'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { asFault, Fault } from '../kit/index.ts'
import { createSnapshot, deleteSnapshot, environmentStatus, listSnapshots, restoreSnapshot } from './index.ts'
import { layoutOf } from './names.ts'

const scratch = scratchDirectory()
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'success',
    (error: unknown) => asFault(error).code,
  )

describe('a create', () => {
  test('that was killed leaves a tree without a record, which the next command removes', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context, { snapshot: 'other' })
    const layout = layoutOf(desk.snapshotsDir)
    mkdirSync(layout.tree('clean_state'))
    writeFileSync(layout.intent, JSON.stringify({ name: 'clean_state', mode: 'filesystem' }))
    await createSnapshot(context)
    assert.deepEqual((await listSnapshots(context)).snapshots.length, 2)
  })

  test('that fails leaves nothing, and says so', async () => {
    const right = copyingMode()
    const mode = copyingMode({
      async create(place, name) {
        await right.create(place, name)
        throw new Fault('unavailable', 'the disk is full')
      },
    })
    const desk = environmentDesk(scratch, { modes: { filesystem: mode } })
    const context = desk.context()
    assert.equal(await codeOf(createSnapshot(context)), 'unavailable')
    assert.deepEqual([(await listSnapshots(context)).foreign, existsSync(layoutOf(desk.snapshotsDir).intent)], [[], false])
    assert.deepEqual(desk.names(), ['snapshot_creation_failed'])
  })

  test('never takes a folder that is not ours, which is listed and never deleted', async () => {
    const desk = environmentDesk(scratch)
    mkdirSync(path.join(desk.snapshotsDir, 'clean_state'), { recursive: true })
    const context = desk.context()
    assert.equal(await codeOf(createSnapshot(context)), 'already-exists')
    assert.deepEqual((await listSnapshots(context)).foreign, ['clean_state'])
    assert.equal(await codeOf(deleteSnapshot(context, 'clean_state')), 'not-found')
    assert.equal(existsSync(path.join(desk.snapshotsDir, 'clean_state')), true)
  })

  test('replaces the snapshot where it may', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    desk.write('a', 'newer')
    await createSnapshot(context, { replace: true })
    desk.write('a', 'dirty')
    await restoreSnapshot(context)
    assert.equal(desk.read('a'), 'newer')
  })

  test('that replaces one and fails says that both are gone', async () => {
    const right = copyingMode()
    let made = 0
    const mode = copyingMode({
      async create(place, name) {
        if (made++ > 0) throw new Fault('unavailable', 'the disk is full')
        return await right.create(place, name)
      },
    })
    const desk = environmentDesk(scratch, { modes: { filesystem: mode } })
    const context = desk.context()
    await createSnapshot(context)
    assert.equal(await codeOf(createSnapshot(context, { replace: true })), 'unavailable')
    assert.deepEqual((await listSnapshots(context)).snapshots, [])
    const warnings = desk.events.flatMap((event) => (event.kind === 'note' && event.level === 'warning' ? [event.text] : []))
    assert.deepEqual(warnings, [
      'the snapshot clean_state that was to be replaced is gone',
      'the snapshot clean_state of stage was not made',
    ])
  })

  test('under the name of one that went is one that was never used', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    const lastUse = async () => (await listSnapshots(context)).snapshots.map(({ lastUsed }) => lastUsed)
    await createSnapshot(context)
    await restoreSnapshot(context)
    assert.equal(typeof (await lastUse())[0], 'string')
    await createSnapshot(context, { replace: true })
    assert.deepEqual(await lastUse(), [undefined])
    await restoreSnapshot(context)
    await deleteSnapshot(context, 'clean_state')
    assert.equal(desk.names().at(-1), 'snapshot_deleted')
    await createSnapshot(context)
    assert.deepEqual(await lastUse(), [undefined])
  })

  test('is refused where there is no room for what it would take', async () => {
    const desk = environmentDesk(scratch)
    const sparse = path.join(desk.live, 'sparse')
    writeFileSync(sparse, '')
    truncateSync(sparse, 2 ** 42)
    await assert.rejects(createSnapshot(desk.context()), /there is no room for a snapshot of stage: it takes up to 4.0 TiB/)
  })
})

describe('a damaged record', () => {
  test('is listed as damaged, and never given back', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    writeFileSync(layoutOf(desk.snapshotsDir).record('clean_state'), '{"format": "__import__"}')
    assert.equal(await codeOf(restoreSnapshot(context)), 'corrupt')
    assert.deepEqual(
      (await listSnapshots(context)).damaged.map(({ name }) => name),
      ['clean_state'],
    )
    const { damaged, snapshots } = await environmentStatus(context)
    assert.deepEqual([damaged.map(({ name }) => name), snapshots], [['clean_state'], 0])
  })

  test('is in the way of a create, which may replace it', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    writeFileSync(layoutOf(desk.snapshotsDir).record('clean_state'), 'not JSON')
    await assert.rejects(createSnapshot(context), { code: 'corrupt', hint: /holdfast env create --replace/ })
    desk.write('a', 'newer')
    await createSnapshot(context, { replace: true })
    desk.write('a', 'dirty')
    await restoreSnapshot(context)
    assert.equal(desk.read('a'), 'newer')
  })
})

describe('a damaged note of what a killed command had begun', () => {
  for (const [how, text] of [
    ['is no JSON', '{"name":'],
    ['names what is no snapshot', '{"name":"../live","mode":"filesystem"}'],
  ] as const) {
    test(`that ${how} is set aside and told, and nothing goes by it`, async () => {
      const desk = environmentDesk(scratch)
      const context = desk.context()
      await createSnapshot(context)
      const layout = layoutOf(desk.snapshotsDir)
      mkdirSync(layout.tree('half'))
      writeFileSync(layout.intent, text)
      await restoreSnapshot(context)
      assert.match(JSON.stringify(desk.events), /is damaged, and set aside as [^"]*creating\.json\.damaged/)
      assert.deepEqual([readFileSync(`${layout.intent}.damaged`, 'utf8'), existsSync(layout.intent)], [text, false])
      assert.deepEqual((await listSnapshots(context)).foreign, ['half'])
      assert.equal(desk.read('a'), 'clean')
    })
  }
})
