import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { makeRandomTree } from '../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { packedDesk, snapshotDesk, type SnapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { openChunkStore, snapshotKey } from '../../chunks/index.ts'
import { bytesOf, digestOf, silent, systemClock } from '../../kit/index.ts'
import { readAll } from '../../store/index.ts'
import { createSnapshot } from '../create/create.ts'
import { listSnapshots } from '../record/lines.ts'
import { lookUp } from '../tree/walk.ts'
import { verifySnapshots } from './verify.ts'

let desk: SnapshotDesk

const create = () => createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder })
const verify = async (readData = 0) =>
  await verifySnapshots(desk.context.store, desk.chunks, await listSnapshots(desk.context), { readData, random: () => 0.3, report: silent })

describe('verify, in packs', () => {
  beforeEach(async () => (desk = await packedDesk()))
  afterEach(() => desk.remove())

  test('finds nothing wrong with what is whole, and reads as much as it is told to', async () => {
    makeRandomTree(desk.tree, seededRandom(testSeed))
    await create()
    writeFileSync(path.join(desk.tree, 'more'), 'more')
    await create()
    const structure = await verify()
    assert.deepEqual([structure.damage, structure.snapshots, structure.read], [[], 2, 0], `seed ${testSeed}`)
    const whole = await verify(1)
    assert.deepEqual(whole.damage, [], `seed ${testSeed}`)
    assert.ok(whole.read > 0 && whole.chunks > 0 && whole.nodes > 2)
  })

  test('notices a byte that is wrong in any pack, and names the paths that need it', async () => {
    for (const name of ['a/one', 'a/two', 'b/three']) {
      mkdirSync(path.dirname(path.join(desk.tree, name)), { recursive: true })
      writeFileSync(path.join(desk.tree, name), name.repeat(1000))
    }
    await create()
    const { store } = desk.context
    for await (const { key, size } of store.list('packs/')) {
      const { bytes } = await readAll(store, key, { limit: size })
      const wrong = bytes.with(40, bytes[40]! ^ 1)
      await store.put(key, bytesOf(wrong))
    }
    const fresh = await openChunkStore(store, { clock: systemClock, random: Math.random, workers: 0 })
    const found = await verifySnapshots(store, fresh, await listSnapshots(desk.context), {
      readData: 1,
      random: Math.random,
      report: silent,
    })
    assert.ok(found.damage.length > 0)
    assert.ok(found.damage.every(({ touches }) => touches.snapshots.length === 1))
  })
})

describe('verify', () => {
  let memory: ReturnType<typeof snapshotDesk>
  beforeEach(() => {
    memory = snapshotDesk()
    desk = memory
  })
  afterEach(() => desk.remove())

  test('names a missing chunk with every path and snapshot that needs it', async () => {
    mkdirSync(path.join(desk.tree, 'd'))
    writeFileSync(path.join(desk.tree, 'd/one'), 'lost')
    writeFileSync(path.join(desk.tree, 'two'), 'lost')
    writeFileSync(path.join(desk.tree, 'other'), 'other')
    const first = await create()
    writeFileSync(path.join(desk.tree, 'three'), 'lost')
    const second = await create()
    memory.chunks.all.delete(digestOf('lost'))
    const { damage } = await verify()
    assert.equal(damage.length, 1)
    assert.deepEqual([damage[0]!.kind, damage[0]!.id], ['chunk', digestOf('lost')])
    assert.deepEqual(damage[0]!.touches.snapshots, [first.id, second.id])
    assert.deepEqual(
      damage[0]!.touches.paths.map(({ snapshot, path: at }) => [snapshot === first.id, at]),
      [
        [true, 'd/one'],
        [true, 'two'],
        [false, 'd/one'],
        [false, 'three'],
        [false, 'two'],
      ],
    )
  })

  test('names a directory whose node is lost, and a record that is', async () => {
    mkdirSync(path.join(desk.tree, 'd/inner'), { recursive: true })
    writeFileSync(path.join(desk.tree, 'd/inner/file'), 'x')
    const made = await create()
    const { entry } = await lookUp(desk.chunks, made.record.root, 'd/inner')
    assert.ok(entry.kind === 'directory')
    memory.chunks.all.delete(entry.node)
    await desk.context.store.delete(snapshotKey(made.id))
    const { damage } = await verify(1)
    assert.deepEqual(
      damage.map(({ kind, touches }) => [kind, touches.paths.map(({ path: at }) => at)]),
      [
        ['record', []],
        ['node', ['d/inner']],
      ],
    )
  })
})
