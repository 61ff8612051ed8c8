import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hastyClock } from '../../test/fakes/hasty-clock.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { bytesOf, type Digest, digestOf, isFault } from '../kit/index.ts'
import { createMemoryStore, type ObjectStore } from '../store/index.ts'
import { condemnedPrefix } from './condemned.ts'
import {
  blobKey,
  collect,
  digestOfBlobKey,
  ensureBlob,
  ensureStoreFormat,
  formatKey,
  putPin,
  putSnapshotRecord,
  removePin,
  snapshotKey,
} from './index.ts'

const hour = 3_600_000
const grace = 24 * hour

function setUp() {
  const clock = hastyClock(Date.parse('2025-01-15T00:00:00Z'))
  const store = createMemoryStore({ clock })
  const random = seededRandom(1)
  const later = (ms: number) => clock.set(clock.now() + ms)
  const prune = async (options: { grace?: number; dryRun?: boolean; store?: ObjectStore } = {}) => {
    await ensureStoreFormat(store, { now: clock.now(), random })
    return await collect({ store, clock, random, grace, ...options })
  }
  const ensure = (content: string, digest = digestOf(content)) =>
    ensureBlob(store, digest, { size: content.length, now: clock.now() }, (key) => store.put(key, bytesOf(content), { digest }))
  const blob = async (content: string): Promise<Digest> => {
    const digest = digestOf(content)
    await ensure(content, digest)
    return digest
  }
  const ref = (name: string, ...reaches: { kind: string; digest: Digest }[]) =>
    store.put(`refs/x/${name}.json`, bytesOf(JSON.stringify({ format: 'holdfast-ref/1', reaches })))
  const has = async (digest: Digest) => (await store.head(blobKey(digest))) !== undefined
  return { clock, store, later, prune, ensure, blob, ref, has }
}

describe('a blob key', () => {
  it('holds the digest and is recognised again', () => {
    const digest = digestOf('x')
    assert.equal(digestOfBlobKey(blobKey(digest)), digest)
    assert.equal(digestOfBlobKey('blobs/sha256/ab/nonsense'), undefined)
    assert.equal(digestOfBlobKey(`blobs/sha256/zz/${digest.slice(7)}`), undefined)
  })
})

describe('a prune', () => {
  it('keeps what refs reach, through snapshot records too, and deletes the rest a grace period after it was condemned', async () => {
    const { store, later, prune, blob, ref, has } = setUp()
    const [kept, inRecord, garbage] = [await blob('kept'), await blob('in record'), await blob('garbage')]
    const record = await putSnapshotRecord(store, { format: 'holdfast-release/1', reaches: [{ kind: 'blob', digest: inRecord }] } as {
      format: string
    })
    await ref('a', { kind: 'blob', digest: kept }, { kind: 'snapshot', digest: record })
    later(2 * grace)
    const first = await prune()
    assert.deepEqual(first.condemned, { objects: 1, bytes: 7 })
    assert.deepEqual(first.deleted, { objects: 0, bytes: 0 })
    assert.ok(await has(garbage))
    later(grace + hour)
    assert.deepEqual((await prune()).deleted, { objects: 1, bytes: 7 })
    assert.deepEqual([await has(kept), await has(inRecord), await has(garbage)], [true, true, false])
    assert.ok(await store.head(snapshotKey(record)))
    const third = await prune()
    assert.deepEqual([third.condemned.objects, third.deleted.objects], [0, 0])
    assert.deepEqual(await Array.fromAsync(store.list(condemnedPrefix)), [])
  })

  it('touches nothing in a place that is no store, or that a newer version made', async () => {
    const { clock, store, later, blob, has } = setUp()
    const digest = await blob('like ours')
    later(2 * grace)
    const options = { store, clock, random: seededRandom(1), grace: 0 }
    await assert.rejects(collect(options), (error) => isFault(error, 'not-found'))
    await store.put(formatKey, bytesOf('{"format":"holdfast-store/2"}'))
    await assert.rejects(collect(options), (error) => isFault(error, 'unsupported'))
    assert.ok(await has(digest))
    assert.deepEqual(await Array.fromAsync(store.list(condemnedPrefix)), [])
  })

  it('does not judge what is young', async () => {
    const { prune, blob, has } = setUp()
    const young = await blob('young')
    assert.equal((await prune()).young, 1)
    assert.ok(await has(young))
  })

  it('without grace deletes at once', async () => {
    const { later, prune, blob, has } = setUp()
    const garbage = await blob('garbage')
    later(1)
    assert.equal((await prune({ grace: 0 })).deleted.objects, 1)
    assert.equal(await has(garbage), false)
  })

  it('as a dry run writes nothing', async () => {
    const { store, later, prune, blob } = setUp()
    await blob('garbage')
    later(2 * grace)
    assert.equal((await prune({ dryRun: true })).condemned.objects, 1)
    assert.deepEqual(await Array.fromAsync(store.list(condemnedPrefix)), [])
  })

  it('keeps what is pinned or leased until it is neither', async () => {
    const { clock, store, later, prune, blob, has } = setUp()
    const digest = await blob('pinned')
    await putPin(store, { id: 'mine', by: 'ann', at: '', reaches: [{ kind: 'blob', digest }] })
    const leased = await blob('leased')
    const lease = {
      format: 'holdfast-lease/1',
      expires: new Date(clock.now() + 3 * grace).toISOString(),
      reaches: [{ kind: 'blob', digest: leased }],
    }
    await store.put('leases/w.json', bytesOf(JSON.stringify(lease)))
    later(2 * grace)
    assert.equal((await prune()).condemned.objects, 0)
    assert.ok(await removePin(store, 'mine'))
    assert.equal(await removePin(store, 'mine'), false)
    later(2 * grace)
    assert.equal((await prune()).condemned.objects, 2)
    later(2 * grace)
    await prune()
    assert.deepEqual([await has(digest), await has(leased)], [false, false])
  })

  it('does not delete what a ref has reached again since it was condemned', async () => {
    const { later, prune, blob, ref, has } = setUp()
    const digest = await blob('again')
    later(2 * grace)
    await prune()
    await ref('a', { kind: 'blob', digest })
    later(2 * grace)
    assert.equal((await prune()).deleted.objects, 0)
    assert.ok(await has(digest))
  })

  it('loses to a writer that takes a condemned blob back', async () => {
    const { later, prune, blob, has } = setUp()
    const digest = await blob('wanted')
    later(2 * grace)
    await prune()
    later(2 * grace)
    await blob('wanted')
    assert.equal((await prune()).deleted.objects, 0)
    assert.ok(await has(digest))
  })

  it('bears a pin that is taken away while it reads, and stops where a ref is not there any more', async () => {
    const { store, prune, ref, blob } = setUp()
    await putPin(store, { id: 'mine', by: 'ann', at: '', reaches: [{ kind: 'blob', digest: await blob('pinned') }] })
    await ref('a', { kind: 'blob', digest: await blob('named') })
    const vanishing = (start: string): ObjectStore => ({
      ...store,
      get: (key, options) => store.get(key.startsWith(start) ? 'gone' : key, options),
    })
    assert.equal((await prune({ store: vanishing('pins/') })).kept, 1)
    await assert.rejects(prune({ store: vanishing('refs/') }), (error) => isFault(error, 'not-found'))
  })

  it('whose deletion is on its way makes a writer wait, also when another prune was faster', async () => {
    const { store, later, prune, blob, has } = setUp()
    const digest = await blob('wanted again')
    later(2 * grace)
    // Two prunes at once condemn it both, each in a record of its own.
    await Promise.all([prune(), prune({ store: { ...store } })])
    assert.equal((await Array.fromAsync(store.list(condemnedPrefix))).length, 2)
    later(2 * grace)
    const [reached, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow: ObjectStore = {
      ...store,
      async delete(key, options) {
        if (!key.startsWith('blobs/')) return await store.delete(key, options)
        reached.resolve()
        await goesOn.promise
        await store.delete(key, options)
      },
    }
    const late = prune({ store: slow })
    await reached.promise
    await prune()
    assert.equal(await has(digest), false)
    await assert.rejects(blob('wanted again'), (error) => isFault(error, 'busy'))
    goesOn.resolve()
    await late
    await blob('wanted again')
    assert.ok(await has(digest))
  })

  it('that is deleting makes a writer of the same bytes wait, and one that died does not for ever', async () => {
    const { clock, store, later, prune, blob, has } = setUp()
    const digest = await blob('contested')
    later(2 * grace)
    await prune()
    later(2 * grace)
    const dying: ObjectStore = { ...store, delete: () => Promise.reject(new Error('killed')) }
    await assert.rejects(prune({ store: dying }))
    await assert.rejects(blob('contested'), (error) => isFault(error, 'busy'))
    clock.set(clock.now() + 11 * 60_000)
    await blob('contested')
    assert.ok(await has(digest))
    assert.equal((await prune()).deleted.objects, 0)
    assert.ok(await has(digest))
  })

  for (const [what, put] of [
    [
      'a ref of an unknown format',
      (store: ObjectStore) => store.put('refs/x/new.json', bytesOf('{"format":"holdfast-ref/9","reaches":[]}')),
    ],
    [
      'a link of an unknown kind',
      (store: ObjectStore) =>
        store.put(
          'refs/x/new.json',
          bytesOf(JSON.stringify({ format: 'holdfast-ref/1', reaches: [{ kind: 'moon', digest: digestOf('') }] })),
        ),
    ],
    ['a ref that is damaged', (store: ObjectStore) => store.put('refs/x/bad.json', bytesOf('{'))],
    [
      'a reached record that is missing',
      (store: ObjectStore) =>
        store.put(
          'refs/x/a.json',
          bytesOf(JSON.stringify({ format: 'holdfast-ref/1', reaches: [{ kind: 'snapshot', digest: digestOf('gone') }] })),
        ),
    ],
  ] as const) {
    it(`deletes nothing where the store holds ${what}`, async () => {
      const { store, later, prune, blob, has } = setUp()
      const garbage = await blob('garbage')
      await put(store)
      later(2 * grace)
      await assert.rejects(prune({ grace: 0 }), (error) => isFault(error, 'unsupported') || isFault(error, 'corrupt'))
      assert.ok(await has(garbage))
    })
  }

  it('leaves alone what it does not know in its folders', async () => {
    const { store, later, prune } = setUp()
    await store.put('blobs/README', bytesOf('hello'))
    later(2 * grace)
    await prune({ grace: 0 })
    assert.ok(await store.head('blobs/README'))
  })
})

describe('storing a blob', () => {
  it('refuses bytes of another digest, and shows nothing', async () => {
    const { ensure, has } = setUp()
    const digest = digestOf('right')
    await assert.rejects(ensure('wrong', digest), (error) => isFault(error, 'corrupt'))
    assert.equal(await has(digest), false)
  })

  it('does not send what is there, and mends what has the wrong size', async () => {
    const { store, ensure, blob } = setUp()
    const digest = await blob('content')
    assert.equal((await ensure('content')).wasPresent, true)
    await store.put(blobKey(digest), bytesOf('cut'))
    assert.equal((await ensure('content')).wasPresent, false)
    assert.equal((await store.head(blobKey(digest)))?.size, 7)
  })
})
