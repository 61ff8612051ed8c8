import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { describeTree, makeRandomTree, mutateTree } from '../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { packedDesk, snapshotDesk, type SnapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { digestOf, isFault } from '../../kit/index.ts'
import { createSnapshot } from '../create/create.ts'
import { findSnapshot, listSnapshots } from '../record/lines.ts'
import { restoreSnapshot } from '../restore/restore.ts'
import { copySnapshots, planCopy } from './copy.ts'

let from: SnapshotDesk
let to: SnapshotDesk

const create = () => createSnapshot(from.context, { paths: [from.tree], cwd: from.folder, tags: ['t'] })
const copyAll = async () => await copySnapshots(from.context, to.context, await listSnapshots(from.context))

describe('a copy to another store', () => {
  beforeEach(async () => {
    from = await packedDesk()
    to = await packedDesk()
  })
  afterEach(() => {
    from.remove()
    to.remove()
  })

  test('has the same ids, lines and trees, and moves only what is missing there', async () => {
    const random = seededRandom(testSeed)
    makeRandomTree(from.tree, random, 80)
    await create()
    const first = await copyAll()
    assert.ok(first.stats!.chunks.added > 0, `seed ${testSeed}`)
    mutateTree(from.tree, random)
    writeFileSync(path.join(from.tree, 'new'), 'new')
    const { id } = await create()
    const before = describeTree(from.tree)
    const second = await copyAll()
    assert.deepEqual([second.copied.length, second.present.length], [1, 1])
    assert.ok(second.stats!.chunks.added < first.stats!.chunks.added, `seed ${testSeed}`)
    assert.deepEqual(await listSnapshots(to.context), await listSnapshots(from.context))
    const back = path.join(to.folder, 'back')
    await restoreSnapshot(to.context, { snapshot: await findSnapshot(to.context, id), path: '', target: back })
    assert.deepEqual(describeTree(back), before, `seed ${testSeed}`)
  })

  test('again does nothing', async () => {
    writeFileSync(path.join(from.tree, 'file'), '')
    await create()
    await copyAll()
    const again = await copyAll()
    assert.deepEqual([again.copied, again.stats], [[], undefined])
    assert.deepEqual((await planCopy(to.context, await listSnapshots(from.context))).copy, [])
  })

  test('of a damaged source fails, and no line of the target has changed', async () => {
    const damaged = snapshotDesk()
    try {
      mkdirSync(path.join(damaged.tree, 'd'))
      writeFileSync(path.join(damaged.tree, 'd/file'), 'lost')
      await createSnapshot(damaged.context, { paths: [damaged.tree], cwd: damaged.folder })
      damaged.chunks.all.delete(digestOf('lost'))
      await assert.rejects(copySnapshots(damaged.context, to.context, await listSnapshots(damaged.context)), (error) =>
        isFault(error, 'not-found'),
      )
      assert.deepEqual(await listSnapshots(to.context), [])
    } finally {
      damaged.remove()
    }
  })
})
