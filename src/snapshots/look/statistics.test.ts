import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { snapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { createSnapshot } from '../create/create.ts'
import { listSnapshots } from '../record/lines.ts'
import { statisticsOf } from './statistics.ts'

let desk: ReturnType<typeof snapshotDesk>

describe('statistics', () => {
  beforeEach(() => (desk = snapshotDesk()))
  afterEach(() => desk.remove())

  test('tell what each snapshot has, what only it has, and what all take together', async () => {
    const create = () => createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder })
    writeFileSync(path.join(desk.tree, 'shared'), 'a'.repeat(900))
    writeFileSync(path.join(desk.tree, 'first'), 'b'.repeat(700))
    await create()
    writeFileSync(path.join(desk.tree, 'first'), 'c'.repeat(500))
    writeFileSync(path.join(desk.tree, 'same'), 'a'.repeat(900))
    await create()
    const { snapshots, logical, total, unreadable } = await statisticsOf(desk.chunks, await listSnapshots(desk.context))
    const [one, two] = snapshots
    const nodesOf = (extent: { plain: number }, files: number) => extent.plain - files
    assert.deepEqual([one!.logical, two!.logical, logical, unreadable], [1600, 2300, 3900, 0])
    assert.deepEqual([one!.all.pieces, two!.all.pieces, total.pieces], [4, 4, 7])
    assert.deepEqual([one!.unique.pieces, two!.unique.pieces], [3, 3])
    assert.equal(nodesOf(one!.unique, 700) + nodesOf(two!.unique, 500), nodesOf(total, 2100))
    assert.equal(total.stored, total.plain)
  })
})
