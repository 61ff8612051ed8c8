import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type ChunkDesk, chunkDesk, keepTree, randomBytes, readAllOf, traceTree } from '../../../test/fakes/chunk-desk.ts'
import { bytesOf, canonicalJson, collect, type Digest, digestOf, isFault } from '../../kit/index.ts'
import { createMeter, meteredStore, type ObjectStore, readAll, readOnlyStore } from '../../store/index.ts'
import { blobKey } from '../blob.ts'
import { collect as prune } from '../collect.ts'
import { defaultParameters } from '../parameters.ts'
import { putPin } from '../pin.ts'
import type { Root } from '../roots.ts'
import { putSnapshotRecord } from '../snapshot-record.ts'
import { packKey } from '../pack/pack.ts'
import { copyStore, planStoreCopy } from './copy-store.ts'

let here: ChunkDesk
let there: ChunkDesk

const copy = (from: ObjectStore = here.store) =>
  copyStore({ from, to: there.store, clock: there.clock, random: there.random, by: 'ann@here', trace: traceTree })

async function putBlob(text: string): Promise<Digest> {
  const digest = digestOf(Buffer.from(text))
  await here.store.put(blobKey(digest), bytesOf(text), { digest })
  return digest
}

/** A ref with a history of moves, plainly. */
async function putRef(store: ObjectStore, name: string, moves: readonly string[], reaches: readonly Root[]): Promise<void> {
  const record = { format: 'holdfast-ref/1', reaches, history: moves.map((id) => ({ id })) }
  await store.put(`refs/releases/${name}.json`, bytesOf(canonicalJson(record)))
}

async function putRelease(text: string): Promise<Root[]> {
  const blob: Root = { kind: 'blob', digest: await putBlob(text) }
  const record = { format: 'holdfast-release/1', text, reaches: [blob] }
  return [{ kind: 'snapshot', digest: await putSnapshotRecord(here.store, record) }]
}

const keys = async (store: ObjectStore, prefix: string) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
const textOf = async (store: ObjectStore, key: string) => Buffer.from((await readAll(store, key, { limit: 1 << 20 })).bytes).toString()

describe('a copy of a store', () => {
  beforeEach(async () => {
    here = await chunkDesk()
    there = await chunkDesk()
    await (await here.open()).close()
  })
  afterEach(async () => {
    await here.remove()
    await there.remove()
  })

  it('has all that refs and pins reach, the same names, and nothing else', async () => {
    const chunks = await here.open()
    const contents = Array.from({ length: 20 }, () => randomBytes(30_000, here.random))
    const { root, ids } = await keepTree(chunks, 'tree', contents)
    await chunks.close()
    await putRef(here.store, 'lib', ['1'], await putRelease('a library'))
    const [pinned] = await putRelease('what the customer has')
    await putPin(here.store, { id: 'kept', by: 'ann', at: '2025-01-15T00:00:00Z', reaches: [{ kind: 'snapshot', digest: pinned!.digest }] })
    await putRelease('nothing reaches it')
    const { created, different, content, chunks: stats } = await copy(readOnlyStore(here.store))
    assert.deepEqual([created, different], [['refs/releases/lib.json', 'refs/trees/tree.json', 'pins/kept.json'], []])
    assert.deepEqual([content!.blobs.objects, content!.records, stats!.chunks.added], [2, 2, 21])
    for (const prefix of ['refs/', 'pins/']) assert.deepEqual(await keys(there.store, prefix), await keys(here.store, prefix))
    assert.equal((await keys(there.store, 'blobs/')).length, 2)
    assert.equal(await textOf(there.store, 'refs/releases/lib.json'), await textOf(here.store, 'refs/releases/lib.json'))
    assert.deepEqual(await keys(there.store, 'leases/'), [])
    const copied = await there.open()
    assert.ok((await readAllOf(copied, ids)).equals(Buffer.concat(contents)))
    assert.ok(copied.has(root))
    await copied.close()
    const { clock, random, store } = there
    clock.set(clock.now() + 100 * 3_600_000)
    assert.equal((await prune({ store, clock, random, grace: 0, trace: traceTree })).condemned.objects, 0)
  })

  it('again does nothing, and reads only names', async () => {
    await putRef(here.store, 'lib', ['1'], await putRelease('a library'))
    await copy()
    const meter = createMeter()
    const again = await copy(meteredStore(here.store, meter))
    assert.deepEqual([again.created, again.same, again.content], [[], 1, undefined])
    assert.ok(meter.snapshot().operations.get <= 4, JSON.stringify(meter.snapshot().operations))
  })

  it('brings a ref forward where the other store has an earlier state of it, at the cost of what is new', async () => {
    const first = await putRelease('first')
    await putRef(here.store, 'lib', ['1'], first)
    await copy()
    await putRef(here.store, 'lib', ['1', '2'], [...first, ...(await putRelease('second'))])
    assert.deepEqual((await planStoreCopy({ from: here.store, to: there.store })).advanced, ['refs/releases/lib.json'])
    const { advanced, content } = await copy()
    assert.deepEqual([advanced, content!.blobs.objects, content!.records], [['refs/releases/lib.json'], 1, 1])
    assert.equal(await textOf(there.store, 'refs/releases/lib.json'), await textOf(here.store, 'refs/releases/lib.json'))
  })

  it('leaves a ref that has moved apart, names it, and copies nothing for it', async () => {
    await putRef(here.store, 'lib', ['1', '2'], await putRelease('ours'))
    await putRef(there.store, 'lib', ['1', '3'], [])
    await putRef(here.store, 'other', ['4'], await putRelease('another'))
    const before = await textOf(there.store, 'refs/releases/lib.json')
    const { created, different, content } = await copy()
    assert.deepEqual([created, different, content!.blobs.objects], [['refs/releases/other.json'], ['refs/releases/lib.json'], 1])
    assert.equal(await textOf(there.store, 'refs/releases/lib.json'), before)
  })

  it('of a damaged store moves no name', async () => {
    const chunks = await here.open()
    const { ids } = await keepTree(chunks, 'tree', [randomBytes(30_000, here.random)])
    const pack = packKey(chunks.locate(ids[0]!)!.pack)
    await chunks.close()
    const bytes = Buffer.from(await collect(await here.store.get(pack), 1 << 20))
    bytes[100]! ^= 1
    await here.store.put(pack, bytesOf(bytes))
    await assert.rejects(copy(), (error) => isFault(error, 'corrupt'))
    const [blob] = await putRelease('x')
    await putRef(here.store, 'lib', ['1'], [blob!, { kind: 'blob', digest: digestOf(Buffer.from('gone')) }])
    await here.store.delete('refs/trees/tree.json')
    await assert.rejects(copy(), (error) => isFault(error, 'corrupt'))
    assert.deepEqual(await keys(there.store, 'refs/'), [])
    assert.deepEqual(await keys(there.store, 'leases/'), [])
  })

  it('is refused where the other store cuts in another way, or links are not known', async () => {
    const { chunking } = defaultParameters
    await (await there.open({ parameters: { ...defaultParameters, chunking: { ...chunking, max: 1 << 17 } } })).close()
    await assert.rejects(copy(), (error) => isFault(error, 'unsupported'))
    await there.remove()
    there = await chunkDesk()
    await putRef(here.store, 'new', ['1'], [{ kind: 'riddle', digest: digestOf(Buffer.from('?')) }])
    await assert.rejects(copy(), (error) => isFault(error, 'unsupported'))
    assert.deepEqual(await keys(there.store, 'refs/'), [])
  })

  it('needs a store to copy', async () => {
    await here.store.delete('holdfast.json')
    await assert.rejects(copy(), (error) => isFault(error, 'not-found'))
  })
})
