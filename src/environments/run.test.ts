import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { cloneSnapshot, createSnapshot, restoreSnapshot, runSuites, SnapshotManager } from './index.ts'
import { layoutOf } from './names.ts'

const scratch = scratchDirectory()

describe('a run of suites', () => {
  test('restores before each, tells the command its suite, and goes on after one that fails', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    let printed = ''
    const line = 'cat "$HOLDFAST_ENV_PATH/a"; echo " $1 $HOLDFAST_ENV_SUITE"; echo dirty > "$HOLDFAST_ENV_PATH/a"; [ "$1" != two ]'
    const runs = await runSuites(context, {
      command: ['/bin/sh', '-c', line, 'sh', '{suite}'],
      suites: ['one', 'two', 'three'],
      cwd: desk.folder,
      onOutput: (piece) => (printed += piece.toString()),
    })
    assert.equal(printed, 'clean one one\nclean two two\nclean three three\n')
    assert.deepEqual(
      runs.map(({ suite, status }) => [suite, status]),
      [
        ['one', 0],
        ['two', 1],
        ['three', 0],
      ],
    )
  })

  test('runs once where no suites are named, and never where the restore fails', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    const options = { command: ['touch', path.join(desk.folder, 'ran')], cwd: desk.folder } as const
    assert.deepEqual(
      (await runSuites(context, options)).map(({ suite, status }) => [suite, status]),
      [[undefined, 0]],
    )
    await assert.rejects(runSuites(context, { ...options, command: ['touch', path.join(desk.folder, 'never')], snapshot: 'unknown' }), {
      code: 'not-found',
    })
    assert.equal(readdirSync(desk.folder).includes('never'), false)
    await assert.rejects(runSuites(context, { ...options, suites: ['a', 'a'] }), { code: 'invalid' })
  })
})

describe('copies', () => {
  test('take no name that is taken, no strange number, and do not lie in the environment', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    const to = path.join(desk.folder, 'copies')
    const { copies } = await cloneSnapshot(context, { count: 2, to })
    assert.deepEqual(copies, [path.join(to, 'stage-1'), path.join(to, 'stage-2')])
    await assert.rejects(cloneSnapshot(context, { count: 1, to }), { code: 'already-exists' })
    for (const count of [0, -1, 1.5, 1001]) await assert.rejects(cloneSnapshot(context, { count, to }), { code: 'invalid' })
    for (const inside of [desk.live, path.join(desk.snapshotsDir, 'x')])
      await assert.rejects(cloneSnapshot(context, { count: 1, to: inside }), { code: 'invalid' })
    assert.deepEqual(readdirSync(to).toSorted(), ['stage-1', 'stage-2'])
  })

  test('that a killed command had begun are removed by the next, and nothing else is', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    const { cloning } = layoutOf(desk.snapshotsDir)
    for (const [name, isGone] of [
      ['.~clone-1abc', true],
      ['mine', false],
    ] as const) {
      const begun = path.join(desk.folder, 'copies', name)
      mkdirSync(path.join(begun, 'half'), { recursive: true })
      writeFileSync(cloning, JSON.stringify({ aside: begun }))
      await restoreSnapshot(context)
      assert.deepEqual([existsSync(begun), existsSync(cloning)], [!isGone, false], name)
    }
    assert.match(JSON.stringify(desk.events), /removed a copy that a killed command had begun to make/)
  })
})

describe('the snapshot manager', () => {
  test('creates, restores, lists, shows, deletes and cleans up', async () => {
    const desk = environmentDesk(scratch)
    const manager = new SnapshotManager(desk.context())
    await manager.createOnStartup()
    await manager.createSnapshot('extra')
    desk.write('a', 'dirty')
    assert.equal(await manager.restoreCleanState(), true)
    assert.equal(desk.read('a'), 'clean')
    assert.equal((await manager.getSnapshotInfo('extra')).record.path, desk.live)
    await manager.createCleanSnapshot()
    await manager.deleteSnapshot('extra')
    assert.deepEqual((await manager.cleanupOldSnapshots(1)).removed, [])
    assert.deepEqual(
      (await manager.listSnapshots()).map(({ name }) => name),
      ['clean_state'],
    )
  })

  test('makes no clean snapshot where the mode is disabled or start-up is not meant to', async () => {
    const desk = environmentDesk(scratch)
    assert.equal(await new SnapshotManager(desk.context({ mode: 'disabled' })).createCleanSnapshot(), undefined)
    assert.equal(await new SnapshotManager(desk.context({ autoCreateOnStartup: false })).createOnStartup(), undefined)
  })
})
