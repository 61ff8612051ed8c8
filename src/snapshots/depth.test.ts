import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { snapshotDesk } from '../../test/fakes/snapshot-desk.ts'
import { createSnapshot } from './create/create.ts'
import { findSnapshot } from './record/lines.ts'
import { restoreSnapshot } from './restore/restore.ts'
import { compareTrees } from './tree/compare.ts'
import { maxDepth } from './tree/name.ts'
import { lookUp, walkTree } from './tree/walk.ts'

let desk: ReturnType<typeof snapshotDesk>

function deepTree(name: string, depth: number): string {
  const tree = path.join(desk.folder, name)
  mkdirSync(path.join(tree, 'd/'.repeat(depth)), { recursive: true })
  writeFileSync(path.join(tree, 'd/'.repeat(depth), 'leaf'), 'leaf')
  return tree
}

const create = (tree: string) => createSnapshot(desk.context, { paths: [tree], cwd: desk.folder, name: 'deep' })
const restore = async (target: string) =>
  await restoreSnapshot(desk.context, { snapshot: await findSnapshot(desk.context, 'latest'), path: '', target, delete: true })
const top = async (id: string) => {
  const { chunks } = desk.context
  return await lookUp(await chunks(), (await findSnapshot(desk.context, id)).root, '')
}

describe('a tree of as many directories within each other as a path of the system has', () => {
  beforeEach(() => (desk = snapshotDesk()))
  afterEach(() => desk.remove())

  test('is kept, given back, looked into and compared, new and unchanged', async () => {
    const tree = deepTree('a', 1400)
    assert.equal((await create(tree)).problems.count, 0)
    desk.ahead = 10_000
    await create(tree)
    assert.equal((await create(tree)).counts.unchanged, 1)
    const back = path.join(desk.folder, 'b')
    assert.deepEqual((await restore(back)).problems, { count: 0, first: [] })
    assert.equal(readFileSync(path.join(back, 'd/'.repeat(1400), 'leaf'), 'utf8'), 'leaf')
    assert.equal((await restore(back)).counts.unchanged, 1)

    writeFileSync(path.join(tree, 'd/'.repeat(1400), 'leaf'), 'other')
    await create(tree)
    const chunks = await desk.context.chunks()
    const found = await Array.fromAsync(walkTree(chunks, await top('latest')))
    assert.equal(found.length, 1401)
    const differences = await Array.fromAsync(compareTrees(chunks, await top('latest~1'), await top('latest')))
    assert.equal(differences.at(-1)?.path, `${'d/'.repeat(1400)}leaf`)
  })

  test('is kept without what lies deeper than a snapshot holds, and that is told', async () => {
    const { problems } = await create(deepTree('c', maxDepth + 2))
    assert.deepEqual(problems, {
      count: 1,
      first: [
        { path: 'd/'.repeat(maxDepth + 1).slice(0, -1), message: `it lies deeper than ${maxDepth} directories, which no snapshot holds` },
      ],
    })
  })
})
