import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { bytesOf, isFault } from '../kit/index.ts'
import { createRelease, promote, reconcile } from './index.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

async function open(): Promise<ReleaseDesk> {
  return (desk = await releaseDesk())
}

async function create(at: ReleaseDesk, content: string, options: { channel?: string; force?: boolean } = {}) {
  await at.build(content)
  at.clock.set(at.clock.now() + 60_000)
  return await createRelease(at.context, at.product, '6.4', { noBuild: true, ...options })
}

async function writeMetadata(at: ReleaseDesk, file: string): Promise<void> {
  const target = path.join(at.root, 'snapshots', file)
  await mkdir(path.dirname(target), { recursive: true })
  await writeFile(target, 'by hand')
}

const exists = (error: unknown) => isFault(error, 'already-exists')

describe('files that somebody else keeps where a release would appear', () => {
  it('are safe from a stable release that follows one in another channel', async () => {
    const at = await open()
    await at.published.put('stable/6.4/librcclx-dev.a', bytesOf('by hand'))
    await create(at, 'one', { channel: 'staging' })
    await assert.rejects(create(at, 'two'), exists)
    await assert.rejects(promote(at.context, at.product, '6.4', { from: 'staging', to: 'stable' }), exists)
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'by hand')
  })

  it('are safe as last_stable until somebody insists', async () => {
    const at = await open()
    await at.published.put('last_stable/6.4/librcclx-dev.a', bytesOf('by hand'))
    await create(at, 'one')
    await assert.rejects(create(at, 'two'), exists)
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'by hand')
    await create(at, 'two', { force: true })
    assert.equal(await at.publishedText('last_stable/6.4/librcclx-dev.a'), 'one')
  })

  it('are safe as metadata, where they are neither replaced nor removed', async () => {
    const at = await open()
    for (const file of ['stable/6.4/metadata.txt', 'last-stable/6.4/metadata.txt', 'archives/6.4/20240101_000000_metadata.txt'])
      await writeMetadata(at, file)
    await assert.rejects(create(at, 'one'), exists)
    assert.equal(await at.metadata('stable/6.4/metadata.txt'), 'by hand')
    await create(at, 'one', { force: true })
    assert.equal(await at.metadata('last-stable/6.4/metadata.txt'), 'by hand')
    assert.equal(await at.metadata('archives/6.4/20240101_000000_metadata.txt'), 'by hand')
    const { views } = await reconcile(at.context, at.product, '6.4')
    assert.deepEqual(views.find(({ kind }) => kind === 'metadata')?.foreign, [
      'archives/6.4/20240101_000000_metadata.txt',
      'last-stable/6.4/metadata.txt',
    ])
  })

  it('are no matter once a channel is ours: what a killed command left there is written again', async () => {
    const at = await open()
    await create(at, 'one')
    await at.published.put('stable/6.4/librcclx-dev.a', bytesOf('edited'))
    await create(at, 'two')
    assert.equal(await at.publishedText('stable/6.4/librcclx-dev.a'), 'two')
  })
})
