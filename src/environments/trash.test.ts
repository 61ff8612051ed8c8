import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, readdirSync, watch, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import { describe, test } from 'node:test'
import { placeIn } from '../../test/fakes/environment-place.ts'
import { needsRoot } from '../../test/fakes/nobody.ts'
import { scratchForMounts } from '../../test/fakes/scratch-mounts.ts'
import { realSys as sys } from '../kit/sys/index.ts'
import { layoutOf } from './names.ts'
import { discard, sweepTrash } from './trash.ts'

const scratch = scratchForMounts()
const scene = (name: string) => {
  const place = placeIn(path.join(scratch, name))
  const tree = path.join(place.snapshotsDir, 'tree')
  mkdirSync(path.join(tree, 'inner'), { recursive: true })
  writeFileSync(path.join(tree, 'inner/file'), '')
  mkdirSync(layoutOf(place.snapshotsDir).trash, { recursive: true })
  return { place, tree, trash: layoutOf(place.snapshotsDir).trash }
}

async function emptied(directory: string): Promise<void> {
  const watcher = watch(directory)
  while (readdirSync(directory).length > 0) await once(watcher, 'change')
  watcher.close()
}

test('what is thrown away is gone from its name at once, and from the disk in a while', async () => {
  const { place, tree, trash } = scene('plain')
  await discard(place, tree)
  assert.ok(!existsSync(tree))
  await emptied(trash)
  await discard(place, tree)
  assert.equal(await sweepTrash(place), 0)
})

test('a deletion that was ended goes on with the next command', async () => {
  const { place, trash } = scene('ended')
  mkdirSync(path.join(trash, 'left-1'))
  mkdirSync(path.join(trash, 'left-2'))
  assert.equal(await sweepTrash(place), 2)
  await emptied(trash)
})

describe('as root', { skip: needsRoot }, () => {
  test('what somebody mounted inside of it is not deleted', async () => {
    const { place, tree, trash } = scene('mounted')
    const mount = sys.createMount({ type: 'tmpfs', source: 'theirs' })
    sys.attachMount(mount, path.join(tree, 'inner'), 'on-top')
    closeSync(mount)
    writeFileSync(path.join(tree, 'inner/theirs'), '')
    await discard(place, tree)
    const [entry = ''] = readdirSync(trash)
    assert.equal(await sweepTrash(place), 0)
    assert.ok(existsSync(path.join(trash, entry, 'inner/theirs')))
    sys.unmount(path.join(trash, entry, 'inner'))
    assert.equal(await sweepTrash(place), 1)
    await emptied(trash)
  })

  test('immutable files go too', async (t) => {
    const { place, tree, trash } = scene('immutable')
    try {
      execFileSync('chattr', ['+i', path.join(tree, 'inner/file')], { stdio: 'ignore' })
    } catch {
      return t.skip('this file system has no immutable files')
    }
    await discard(place, tree)
    await emptied(trash)
  })
})
