import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { bytesOf, isFault } from '../kit/index.ts'
import { readAll } from '../store/index.ts'
import { createRelease, reconcile, verifyReleases } from './index.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

const key = 'refs/releases/rcclx/6.4.json'
const stable = 'stable/6.4/librcclx-dev.a'

/** Two releases, of which the store's copy knows, and a third one that it does not. */
async function broughtBack(facts: 'lost' | 'kept'): Promise<ReleaseDesk> {
  const at = (desk = await releaseDesk())
  const release = async (content: string) => {
    await at.build(content)
    await createRelease(at.context, at.product, '6.4', { noBuild: true })
  }
  await release('one')
  await release('two')
  const { bytes } = await readAll(at.store, key, { limit: 1 << 20 })
  await release('three')
  await at.store.put(key, bytesOf(bytes))
  if (facts === 'lost') for await (const info of at.store.list('facts/')) await at.store.delete(info.key)
  return at
}

describe('a ref that was brought back from a copy', () => {
  for (const facts of ['lost', 'kept'] as const) {
    it(`does not have what was published since written over, with facts ${facts}`, async () => {
      const at = await broughtBack(facts)
      const before = await at.publishedKeys()
      const refused = (error: unknown) => isFault(error, 'precondition') && error.at?.endsWith(stable) === true
      await assert.rejects(reconcile(at.context, at.product, '6.4'), refused)
      await at.build('four')
      await assert.rejects(
        createRelease(at.context, at.product, '6.4', { noBuild: true }),
        (error) => isFault(error, 'partial') && isFault(error.cause, 'precondition'),
      )
      assert.deepEqual([await at.publishedText(stable), await at.publishedKeys()], ['three', before])
      assert.match((await at.metadata('stable/6.4/metadata.txt')) ?? '', /6\.4/)
    })

    it(`has it again once it is released anew, with facts ${facts}`, async () => {
      const at = await broughtBack(facts)
      await at.build('three')
      await createRelease(at.context, at.product, '6.4', { noBuild: true })
      assert.equal(await at.publishedText(stable), 'three')
      assert.deepEqual((await verifyReleases(at.context, at.product)).problems, [])
    })
  }

  it('is published over what is there by force', async () => {
    const at = await broughtBack('lost')
    await reconcile(at.context, at.product, '6.4', { force: true })
    assert.equal(await at.publishedText(stable), 'two')
    assert.deepEqual((await verifyReleases(at.context, at.product)).problems, [])
  })

  it('is in line by itself where nothing was published since', async () => {
    const at = (desk = await releaseDesk())
    for (const content of ['one', 'two']) {
      await at.build(content)
      await createRelease(at.context, at.product, '6.4', { noBuild: true })
    }
    for await (const info of at.store.list('facts/')) await at.store.delete(info.key)
    await reconcile(at.context, at.product, '6.4')
    assert.equal(await at.publishedText(stable), 'two')
  })
})
