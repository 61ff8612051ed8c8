import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type ChunkDesk, chunkDesk, keepTree, putTreeRef, randomBytes, traceTree } from '../../test/fakes/chunk-desk.ts'
import { bytesOf, digestOf, Fault } from '../kit/index.ts'
import { readOnlyStore } from '../store/index.ts'
import { blobKey } from './blob.ts'
import { collect } from './collect.ts'
import { measureStore, type UnneededSpace } from './space.ts'

const hour = 3_600_000
let desk: ChunkDesk

const measure = async () => {
  const { clock, random, store } = desk
  return await measureStore({ store: readOnlyStore(store), clock, random, trace: traceTree })
}

describe('the space of a store', () => {
  beforeEach(async () => {
    desk = await chunkDesk()
    const chunks = await desk.open()
    for (const name of ['one', 'two']) await keepTree(chunks, name, [randomBytes(100_000, desk.random)])
    await chunks.close()
  })
  afterEach(() => desk.remove())

  it('is told by kind, and all together', async () => {
    const content = Buffer.from('an artifact')
    await desk.store.put(blobKey(digestOf(content)), bytesOf(content))
    await desk.store.put('notes/by-hand', bytesOf('x'))
    const { kinds, total } = await measure()
    assert.deepEqual([kinds.blobs, kinds.other.objects], [{ objects: 1, bytes: content.byteLength }, 2])
    assert.deepEqual([kinds.packs.objects, kinds.indexes.objects, kinds.refs.objects], [2, 2, 2])
    assert.ok(kinds.packs.bytes > 200_000)
    assert.equal(
      total.bytes,
      Object.values(kinds).reduce((sum, { bytes }) => sum + bytes, 0),
    )
  })

  it('tells what nothing needs, before and after a prune has marked it', async () => {
    assert.deepEqual((await measure()).unneeded, {
      condemned: { objects: 0, bytes: 0 },
      unreached: { objects: 0, bytes: 0 },
      repacked: { objects: 0, bytes: 0 },
    })
    await putTreeRef(desk.store, 'one', undefined)
    desk.clock.set(desk.clock.now() + 2 * hour)
    const before = (await measure()).unneeded as UnneededSpace
    assert.deepEqual([before.unreached.objects, before.condemned.objects], [1, 0])
    const { clock, random, store } = desk
    await collect({ store, clock, random, grace: hour, trace: traceTree })
    const after = (await measure()).unneeded as UnneededSpace
    assert.deepEqual([after.unreached.objects, after.condemned], [0, before.unreached])
  })

  it('is told of a damaged store too, without what nothing needs', async () => {
    await desk.store.put('refs/new/kind.json', bytesOf('{"format":"holdfast-ref/9","reaches":[]}'))
    const { total, unneeded } = await measure()
    assert.ok(total.objects > 4)
    assert.ok(unneeded instanceof Fault && unneeded.code === 'unsupported')
  })
})
