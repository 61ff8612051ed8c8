import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { isFault } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'
import { createRelease, historyOf, listReleases, pin, pruneArchives, verifyReleases } from './index.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

async function withThreeReleases(): Promise<{ at: ReleaseDesk; archive: string }> {
  const at = (desk = await releaseDesk())
  for (const content of ['one', 'two', 'three']) {
    await at.build(content)
    await createRelease(at.context, at.product, '6.4', { noBuild: true })
    at.clock.set(at.clock.now() + 60_000)
  }
  const archived = (await listReleases(at.context, at.product, '6.4')).find((row) => row.archived !== undefined)
  return { at, archive: archived!.archived!.at }
}

/** Does something each time the pins have been listed. */
function afterListingPins(store: ObjectStore, meanwhile: () => Promise<unknown>): ObjectStore {
  return {
    ...store,
    async *list(prefix, options) {
      yield* store.list(prefix, options)
      if (prefix.startsWith('pins/')) await meanwhile()
    },
  }
}

describe('a pin and a prune at once', () => {
  it('keep the release where the pin is first, even by a moment', async () => {
    const { at, archive } = await withThreeReleases()
    let listings = 0
    const store = afterListingPins(at.store, async () => {
      // The first listing is the plan's, the second one that of the move.
      if (++listings === 2) await pin(at.context, at.product, '6.4', { archive }, 'shipped')
    })
    const { dropped } = await pruneArchives({ ...at.context, store }, at.product, '6.4', { keep: 0 })
    assert.deepEqual(dropped, [])
    assert.equal(listings, 3)
    assert.ok((await listReleases(at.context, at.product, '6.4')).some((row) => row.archived?.at === archive))
    assert.deepEqual((await verifyReleases(at.context, at.product)).problems, [])
  })

  it('tell that nothing was pinned where the prune is first', async () => {
    const { at, archive } = await withThreeReleases()
    const store: ObjectStore = {
      ...at.store,
      async put(key, body, options) {
        if (key.startsWith('pins/')) await pruneArchives(at.context, at.product, '6.4', { keep: 0 })
        return await at.store.put(key, body, options)
      },
    }
    await assert.rejects(
      pin({ ...at.context, store }, at.product, '6.4', { archive }),
      (error) => isFault(error, 'precondition') && /not pinned/.test(error.message),
    )
    assert.deepEqual(await Array.fromAsync(at.store.list('pins/')), [])
  })

  it('leave in the history who pinned what and why, with the views in line', async () => {
    const { at, archive } = await withThreeReleases()
    await pin(at.context, at.product, '6.4', { archive }, 'shipped with 2.3')
    const [newest] = await historyOf(at.context, at.product, '6.4')
    assert.deepEqual([newest?.action, newest?.message], ['pin', 'shipped with 2.3'])
    assert.deepEqual((await verifyReleases(at.context, at.product)).behind, [])
  })
})
