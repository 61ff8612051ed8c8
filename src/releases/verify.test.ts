import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { bytesOf } from '../kit/index.ts'
import { type ObjectStore } from '../store/index.ts'
import { createRelease, reconcile, verifyReleases } from './index.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

/** Calls `meanwhile` once, before the published stable is read for the first time. */
function interrupted(store: ObjectStore, meanwhile: () => Promise<unknown>): ObjectStore {
  let done = false
  return {
    ...store,
    async get(key, options) {
      if (!done && key.startsWith('stable/')) {
        done = true
        await meanwhile()
      }
      return await store.get(key, options)
    },
  }
}

async function release(at: ReleaseDesk, content: string): Promise<void> {
  await at.build(content)
  await createRelease(at.context, at.product, '6.4', { noBuild: true })
  at.clock.set(at.clock.now() + 60_000)
}

describe('release verify', () => {
  it('takes a release that is made meanwhile for no damage', async () => {
    const at = (desk = await releaseDesk())
    await release(at, 'one')
    await release(at, 'two')
    const published = interrupted(at.published, () => release(at, 'three'))
    const verified = await verifyReleases({ ...at.context, openView: async () => published }, at.product)
    assert.deepEqual(verified.problems, [])
    assert.deepEqual(verified.behind, [])
  })

  it('still finds what is damaged while a release is made', async () => {
    const at = (desk = await releaseDesk())
    await release(at, 'one')
    await release(at, 'two')
    await release(at, 'three')
    const archive = (await at.publishedKeys()).find((key) => key.startsWith('archives/'))
    await at.published.put(archive!, bytesOf('eno'))
    const published = interrupted(at.published, () => release(at, 'four'))
    const context = { ...at.context, openView: async () => published }
    const { problems } = await verifyReleases(context, { ...at.product, metadata: undefined })
    // The release that was made meanwhile has written it again from the store.
    assert.deepEqual(problems, [])
    await at.published.put(archive!, bytesOf('eno'))
    const again = await verifyReleases(at.context, at.product)
    assert.deepEqual(
      again.problems.map(({ where }) => where),
      [`memory:published/${archive}`],
    )
    await reconcile(at.context, at.product, '6.4')
    assert.deepEqual((await verifyReleases(at.context, at.product)).problems, [])
  })

  it('tells which variants it could not check where they are published', async () => {
    let blocked = false
    const at = (desk = await releaseDesk({
      wrapPublished: (store) => ({
        ...store,
        put: async (...args) => {
          if (blocked) throw new Error('the bucket is gone')
          return await store.put(...args)
        },
      }),
    }))
    await release(at, 'one')
    blocked = true
    await assert.rejects(release(at, 'two'))
    const verified = await verifyReleases(at.context, at.product)
    assert.deepEqual([verified.behind, verified.problems], [['6.4'], []])
  })
})
