import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { openDesk, releaseAll, withCode } from '../../test/fakes/release-scene.ts'
import { bytesOf, digestOf, Fault, isFault } from '../kit/index.ts'
import { blobKey } from '../chunks/index.ts'
import { isNothing } from '../manifest/index.ts'
import type { ObjectStore } from '../store/index.ts'
import { createRelease, pin, pruneArchives, reconcile, rollback, showRelease, statusOf, unpin, verifyReleases } from './index.ts'

describe('release reconcile', () => {
  it('finishes what a crash left between the move of the ref and the views', async () => {
    let isDown = false
    const failing = (store: ObjectStore): ObjectStore => ({
      ...store,
      put: (...args) => (isDown ? Promise.reject(new Fault('unavailable', 'gone')) : store.put(...args)),
    })
    const at = await openDesk({ wrapPublished: failing })
    await releaseAll(at, '6.4', 'one', 'two')
    isDown = true
    await at.build('three')
    await assert.rejects(
      createRelease(at.context, at.product, '6.4', { noBuild: true }),
      (error) => isFault(error, 'partial') && /release reconcile/.test(error.hint ?? ''),
    )
    assert.equal((await statusOf(at.context, at.product)).find((each) => each.variant === '6.4')?.publishedInLine, false)
    isDown = false
    const { problems, behind } = await verifyReleases(at.context, at.product)
    assert.deepEqual([problems, behind], [[], ['6.4']])
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'three')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'two')
    assert.equal((await statusOf(at.context, at.product)).find((each) => each.variant === '6.4')?.publishedInLine, true)
  })

  it('repairs what was edited by hand, leaves alone what it did not write, and says when there is nothing to do', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three')
    await at.published.put('stable/6.4/librcclx-dev.a', bytesOf('edited'))
    await at.published.delete('last_stable/6.4/librcclx-dev.a')
    await at.published.put('stable/6.4/notes.txt', bytesOf('mine'))
    await writeFile(path.join(at.root, 'snapshots', 'stable', '6.4', 'metadata.txt'), 'edited')
    await writeFile(path.join(at.root, 'snapshots', 'archives', '6.4', '20200101_000000_metadata.txt'), 'from before')
    const first = await reconcile(at.context, at.product, '6.4')
    assert.deepEqual(
      first.views.map((view) => [view.plan.adds.length, view.plan.changes.length, view.plan.removes.length, view.foreign]),
      [
        [1, 1, 0, ['stable/6.4/notes.txt']],
        [0, 1, 0, ['archives/6.4/20200101_000000_metadata.txt']],
      ],
    )
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'three')
    assert.equal(await at.publishedText('stable/6.4/notes.txt'), 'mine')
    const second = await reconcile(at.context, at.product, '6.4')
    assert.ok(second.views.every((view) => isNothing(view.plan)))
  })

  it('removes what an interrupted command wrote and could not remember, and nothing that is not a copy of a release', async () => {
    let forgets = false
    const at = await openDesk({
      wrapStore: (store) => ({
        ...store,
        put: (key, ...rest) =>
          forgets && key.startsWith('facts/') ? Promise.reject(new Fault('unavailable', 'gone')) : store.put(key, ...rest),
      }),
    })
    await releaseAll(at, '6.4', 'one')
    forgets = true
    await at.build('two')
    await assert.rejects(createRelease(at.context, at.product, '6.4', { noBuild: true }), withCode('partial'))
    forgets = false
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
    await at.published.put('last_stable/6.4/other.a', bytesOf('one'))
    await at.published.put('staging/6.4/librcclx-dev.a', bytesOf('one'))
    const { reconciled } = await rollback(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), undefined)
    assert.deepEqual(reconciled.views[0]?.foreign, ['last_stable/6.4/other.a'])
    await at.published.put('last_stable/6.4/librcclx-dev.a', bytesOf('1ne'))
    assert.deepEqual((await reconcile(at.context, at.product, '6.4')).views[0]?.foreign, [
      'last_stable/6.4/librcclx-dev.a',
      'last_stable/6.4/other.a',
    ])
  })

  it('bears files that another command takes away between its list and its look', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three')
    const file = 'archives/6.4/20250107_143200_metadata.txt'
    const context = {
      ...at.context,
      openView: async (url: string) => {
        const store = await at.context.openView(url)
        const get: ObjectStore['get'] = async (key, options) => {
          if (key === file) await store.delete(key)
          return await store.get(key, options)
        }
        return { ...store, get }
      },
    }
    await reconcile(context, at.product, '6.4')
    assert.match((await at.metadata(file)) ?? '', /14:30:00 UTC/)
  })

  it('that cannot look after a move says that the move stands', async () => {
    let isDown = false
    const at = await openDesk({
      wrapPublished: (store) => ({
        ...store,
        list: (...args) => {
          if (isDown) throw new Fault('unavailable', 'gone')
          return store.list(...args)
        },
      }),
    })
    await releaseAll(at, '6.4', 'one')
    isDown = true
    await at.build('two')
    await assert.rejects(
      createRelease(at.context, at.product, '6.4', { noBuild: true }),
      (error) => isFault(error, 'partial') && /has moved to generation 2/.test(error.message),
    )
    await assert.rejects(reconcile(at.context, at.product, '6.4'), withCode('unavailable'))
  })

  it('as a dry run tells and writes nothing', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one')
    await at.published.delete('stable/6.4/librcclx-dev.a')
    const planned = await reconcile(at.context, at.product, '6.4', { dryRun: true })
    assert.equal(planned.views[0]?.plan.adds.length, 1)
    assert.deepEqual(await at.publishedKeys(), [])
  })
})

describe('release verify', () => {
  it('finds damage in the store and in what is published, names who needs it, and reconcile mends the published file', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two')
    assert.deepEqual((await verifyReleases(at.context, at.product)).problems, [])
    await at.store.put(blobKey(digestOf('one')), bytesOf('0ne'))
    await at.published.delete('stable/6.4/librcclx-dev.a')
    const { problems } = await verifyReleases(at.context, at.product)
    assert.deepEqual(
      problems.map((problem) => [problem.where, problem.needed, problem.fault['code']]),
      [
        ['memory:published/stable/6.4/librcclx-dev.a', ['6.4 stable'], 'not-found'],
        [`memory:store/${blobKey(digestOf('one'))}`, ['6.4 last-stable'], 'corrupt'],
      ],
    )
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'two')
  })
})

describe('release prune', () => {
  it('keeps what a rule keeps, what a channel holds and what is pinned; the rest leaves the views', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three', 'four', 'five')
    await pin(at.context, at.product, '6.4', { archive: '20250107_143200' }, 'shipped to a customer')
    const dry = await pruneArchives(at.context, at.product, '6.4', { keep: 1, dryRun: true })
    assert.deepEqual(
      dry.dropped.map((archived) => archived.at),
      ['20250107_143300'],
    )
    const { dropped, bytes } = await pruneArchives(at.context, at.product, '6.4', { keep: 1 })
    assert.deepEqual(dropped, dry.dropped)
    assert.equal(bytes, 3)
    assert.deepEqual(
      (await at.publishedKeys()).filter((key) => key.startsWith('archives')),
      ['archives/6.4/20250107_143200_librcclx-dev.a', 'archives/6.4/20250107_143400_librcclx-dev.a'],
    )
    assert.equal(await at.metadata('archives/6.4/20250107_143300_metadata.txt'), undefined)
    assert.deepEqual((await pruneArchives(at.context, at.product, '6.4', { keep: 1 })).dropped, [])
    assert.equal((await showRelease(at.context, at.product, '6.4', { archive: '20250107_143200' })).pinned, true)
    await unpin(at.context, at.product, '6.4', { archive: '20250107_143200' })
    await assert.rejects(unpin(at.context, at.product, '6.4', { archive: '20250107_143200' }), withCode('nothing-to-do'))
    assert.equal((await pruneArchives(at.context, at.product, '6.4', { keepWithin: 0 })).dropped.length, 2)
  })

  it('keeps by age, and wants to be told what to keep', async () => {
    const at = await openDesk()
    await releaseAll(at, '6.4', 'one', 'two', 'three', 'four')
    await assert.rejects(pruneArchives(at.context, at.product, '6.4', {}), withCode('invalid'))
    const { dropped } = await pruneArchives(at.context, at.product, '6.4', { keepWithin: 90_000 })
    assert.deepEqual(
      dropped.map((archived) => archived.at),
      ['20250107_143200'],
    )
  })
})
