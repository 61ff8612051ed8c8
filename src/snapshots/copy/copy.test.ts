import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { describeTree, makeRandomTree, mutateTree } from '../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { packedDesk, type SnapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { defaultParameters, openChunkStore } from '../../chunks/index.ts'
import { type Digest, isFault } from '../../kit/index.ts'
import { readRef } from '../../refs/index.ts'
import { createMemoryStore, deletePrefix, type ObjectStore, readOnlyStore } from '../../store/index.ts'
import { createSnapshot } from '../create/create.ts'
import { changeLine } from '../keep/forget.ts'
import { snapshotLine } from '../record/line.ts'
import { findSnapshot, listSnapshots } from '../record/lines.ts'
import { restoreSnapshot } from '../restore/restore.ts'
import { copySnapshots, planCopy } from './copy.ts'
import { differingNodes } from './differing.ts'

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

  test('only reads its source', async () => {
    writeFileSync(path.join(from.tree, 'file'), 'content')
    const { id } = await create()
    const chunks = () => Promise.reject(new Error('chunks were opened for writing'))
    const source = { ...from.context, store: readOnlyStore(from.context.store), chunks }
    const { copied } = await copySnapshots(source, to.context, await listSnapshots(source))
    assert.deepEqual(
      copied.map((each) => each.id),
      [id],
    )
  })

  test('again does nothing', async () => {
    writeFileSync(path.join(from.tree, 'file'), '')
    await create()
    await copyAll()
    const again = await copyAll()
    assert.deepEqual([again.copied, again.stats], [[], undefined])
    assert.deepEqual((await planCopy(to.context, await listSnapshots(from.context))).copy, [])
  })

  test('goes down only where a tree differs from one that both stores have', async () => {
    for (let index = 0; index < 40; index++) {
      mkdirSync(path.join(from.tree, `d${index}/inner`), { recursive: true })
      writeFileSync(path.join(from.tree, `d${index}/inner/file`), `content ${index}`)
    }
    await create()
    await copyAll()
    writeFileSync(path.join(from.tree, 'd7/inner/file'), 'other content')
    const { record } = await create()
    const read = new Set<Digest>()
    const [base, latest] = await listSnapshots(from.context)
    for await (const { id } of differingNodes(from.chunks, latest!.root, base!.root, () => true)) read.add(id)
    assert.equal(read.size, 4)
    assert.ok(read.has(record.root))
    const all = await Array.fromAsync(differingNodes(from.chunks, latest!.root, undefined, () => true))
    assert.equal(all.length, 82)
    const { stats } = await copyAll()
    assert.deepEqual(stats!.chunks.added, 5)
  })

  test('relies on nothing that is forgotten there meanwhile', async () => {
    writeFileSync(path.join(from.tree, 'file'), 'first')
    await create()
    await copyAll()
    writeFileSync(path.join(from.tree, 'other'), 'second')
    await create()
    const [base] = await listSnapshots(to.context)
    let isForgotten = false
    const store: ObjectStore = {
      ...to.context.store,
      async put(...args) {
        if (args[0].startsWith('snapshots/') && !isForgotten) {
          isForgotten = true
          await changeLine(to.context, base!.name, 'forget', { dropped: [base!.id] }, () => [])
        }
        return await to.context.store.put(...args)
      },
    }
    const { copied } = await copySnapshots(from.context, { ...to.context, store }, await listSnapshots(from.context))
    assert.ok(isForgotten)
    assert.deepEqual(
      (await listSnapshots(to.context)).map(({ id }) => id),
      copied.map(({ id }) => id),
    )
    for (const { root } of copied)
      for await (const { reached } of differingNodes(to.chunks, root, undefined, () => true))
        for (const { id } of reached.chunks) assert.ok(to.chunks.has(id!))
  })

  test('says in the line where it came from', async () => {
    const { name } = await create()
    await copyAll()
    const line = await readRef(to.context.store, snapshotLine, name)
    assert.equal(line?.ref.history.at(-1)?.message, `copied from ${from.context.store.name} (store ${from.chunks.id})`)
  })

  test('gives a new store the chunk sizes of the source, and is refused by one that has others', async () => {
    const parameters = { ...defaultParameters, chunking: { ...defaultParameters.chunking, average: 8 << 10 } }
    const unusual = await packedDesk(parameters)
    try {
      writeFileSync(path.join(unusual.tree, 'file'), 'x'.repeat(100_000))
      await createSnapshot(unusual.context, { paths: [unusual.tree], cwd: unusual.folder })
      const snapshots = await listSnapshots(unusual.context)
      await assert.rejects(
        copySnapshots(unusual.context, to.context, snapshots),
        (error) =>
          isFault(error, 'unsupported') && error.message.includes('4.0 KiB/8.0 KiB/64.0 KiB here, 4.0 KiB/16.0 KiB/64.0 KiB there'),
      )
      assert.deepEqual(await listSnapshots(to.context), [])

      const store = createMemoryStore({ clock: to.context.clock })
      const chunks = () => openChunkStore(store, { clock: to.context.clock, random: Math.random, workers: 0 })
      await copySnapshots(unusual.context, { ...to.context, store, chunks }, snapshots)
      assert.deepEqual((await chunks()).parameters, parameters)
      assert.deepEqual(await listSnapshots({ store }), snapshots)
    } finally {
      unusual.remove()
    }
  })

  test('of a damaged source fails, and no line of the target has changed', async () => {
    mkdirSync(path.join(from.tree, 'd'))
    writeFileSync(path.join(from.tree, 'd/file'), 'lost')
    await create()
    await deletePrefix(from.context.store, 'packs/')
    await assert.rejects(copyAll(), (error) => isFault(error, 'corrupt'))
    assert.deepEqual(await listSnapshots(to.context), [])
  })
})
