import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { asNobody, needsRoot } from '../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { snapshotDesk } from '../../test/fakes/snapshot-desk.ts'
import { asFault } from '../kit/index.ts'
import {
  beginSuite,
  cleanupSnapshots,
  cloneSnapshot,
  createSnapshot,
  deleteSnapshot,
  diffSnapshots,
  pullSnapshot,
  pushSnapshot,
  restoreSnapshot,
  runSuites,
  stopEnvironment,
  verifySnapshot,
} from './index.ts'
import { assertWritable } from './session.ts'

const scratch = scratchDirectory()
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'success',
    (error: unknown) => asFault(error).code,
  )

describe('the live directory', () => {
  test('is refused where it is a link, a file, the root, outside of the project, or holds the snapshots or its own configuration', async () => {
    const desk = environmentDesk(scratch)
    const link = path.join(desk.folder, 'link')
    symlinkSync(desk.live, link)
    const wrong = [
      { live: link },
      { live: path.join(desk.live, 'a') },
      { live: '/' },
      { root: path.join(desk.folder, 'elsewhere') },
      { configuration: path.join(desk.live, 'holdfast.toml') },
      { configuration: path.join(desk.folder, 'holdfast.toml'), live: desk.folder, snapshotsDir: `${desk.folder}.snapshots` },
      { snapshotsDir: path.join(desk.live, 'snapshots') },
      { live: path.join(desk.snapshotsDir, 'x') },
    ]
    for (const other of wrong) assert.equal(await codeOf(createSnapshot(desk.context({}, other))), 'invalid', JSON.stringify(other))
  })

  test('is refused where it is a mount point that is not ours', async () => {
    const desk = environmentDesk(scratch)
    assert.equal(await codeOf(createSnapshot(desk.context({}, { live: '/proc' }))), 'invalid')
  })

  test('must be there to be kept', async () => {
    const desk = environmentDesk(scratch)
    rmSync(desk.live, { recursive: true })
    assert.equal(await codeOf(createSnapshot(desk.context())), 'not-found')
    assert.deepEqual(desk.names(), ['snapshot_creation_failed'])
  })

  test('that is mistyped leaves nothing behind, whatever the command', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({}, { live: path.join(desk.folder, 'lave') })
    const { context: store } = snapshotDesk()
    const commands = {
      create: () => createSnapshot(context),
      restore: () => restoreSnapshot(context),
      delete: () => deleteSnapshot(context, 'one'),
      diff: () => diffSnapshots(context, { from: 'clean_state' }),
      verify: () => verifySnapshot(context),
      clone: () => cloneSnapshot(context, { count: 1, to: path.join(desk.folder, 'copies') }),
      push: () => pushSnapshot(context, store),
      pull: () => pullSnapshot(context, store),
      cleanup: () => cleanupSnapshots(context),
      stop: () => stopEnvironment(context),
      suite: () => beginSuite(context),
      run: () => runSuites(context, { command: ['true'], cwd: desk.folder }),
    }
    for (const [name, command] of Object.entries(commands)) {
      assert.equal(await codeOf(command()), 'not-found', name)
      assert.deepEqual(readdirSync(desk.folder), ['live'], name)
    }
  })

  test('with nothing kept is already clean and plain', async () => {
    const desk = environmentDesk(scratch)
    assert.deepEqual(await cleanupSnapshots(desk.context()), { removed: [], spared: [], kept: 0 })
    await stopEnvironment(desk.context())
    await assert.rejects(restoreSnapshot(desk.context()), { code: 'not-found', hint: /holdfast env create stage/ })
    assert.deepEqual(readdirSync(desk.folder), ['live'])
  })
})

test('a snapshots directory that this user may not write to is said with what to do', { skip: needsRoot }, () => {
  const folder = path.join(scratch, 'closed')
  mkdirSync(folder, { mode: 0o755 })
  // All that this user does, it does at once: what follows the first wait is root's again.
  for (const directory of [folder, path.join(folder, 'inside')]) {
    assert.throws(() => asNobody(() => assertWritable(directory)), {
      code: 'denied',
      at: directory,
      hint: /set `snapshots_dir` to a directory that this user may write to/,
    })
  }
})
