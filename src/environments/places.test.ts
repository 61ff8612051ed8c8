import assert from 'node:assert/strict'
import { rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { asFault } from '../kit/index.ts'
import { createSnapshot } from './index.ts'

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
})
